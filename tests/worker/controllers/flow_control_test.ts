/** When a connection is read, and when its jobs may run. */

import assert from "node:assert/strict";
import { backlogOf, FlowControl } from "../../../worker/controllers/flow_control.ts";
import { test } from "../../lib/test.ts";

const MEBIBYTE = 2 ** 20;

/** The bounds on each thing, and where a paused connection is read again. */
const bounds: [what: keyof Held, bound: number, half: number][] = [
  ["jobs", 65_536, 32_768],
  ["cores", 2, 2],
  ["jobBytes", 256 * MEBIBYTE, 128 * MEBIBYTE],
  ["coreBytes", 256 * MEBIBYTE, 128 * MEBIBYTE],
  ["parts", 64, 32],
  ["partBytes", 256 * MEBIBYTE, 128 * MEBIBYTE],
  ["unreadBytes", 128 * MEBIBYTE, 64 * MEBIBYTE],
];

for (const [what, bound, half] of bounds) {
  test(`a connection with more ${what} than ${bound} is paused until there are ${half} or less`, () => {
    const flow = new Flow({ jobs: 2 });
    flow.grow({ [what]: bound });
    assert(!flow.isPaused);
    flow.grow({ [what]: bound + 1 });
    assert(flow.isPaused);
    if (half < bound) {
      flow.shrink({ [what]: half + 1 });
      assert(flow.isPaused, "it would be paused and read again all the time");
    }
    flow.shrink({ [what]: half });
    assert(!flow.isPaused);
  });
}

test("a single job or a single core may be larger than the bound", () => {
  const flow = new Flow();
  flow.grow({ jobs: 1, jobBytes: 1000 * MEBIBYTE });
  assert(!flow.isPaused);
  flow.grow({ jobs: 0, jobBytes: 0, cores: 1, coreBytes: 1000 * MEBIBYTE });
  assert(!flow.isPaused);
  flow.grow({ jobs: 1 });
  assert(flow.isPaused);
});

test("jobs of a controller that leaves 64 MiB unread are not run until it has read all", () => {
  const flow = new Flow();
  flow.answer({ unreadBytes: 64 * MEBIBYTE });
  assert(!flow.isBlocked);
  flow.answer({ unreadBytes: 64 * MEBIBYTE + 1 });
  assert(flow.isBlocked);
  flow.shrink({ unreadBytes: 1 });
  assert(flow.isBlocked);
  flow.drained();
  assert(!flow.isBlocked);
});

test("a large output that is still in its slot is not unread: other jobs run meanwhile", () => {
  const nothing = { count: 0, bytes: 0 };
  const link = { pendingBytes: 2 ** 32 + 1_000, compression: { sourceBytes: 2 ** 32 } };
  assert.equal(backlogOf(nothing, nothing, nothing, link).unreadBytes, 1_000);
});

test("a connection that was paused because of unread answers is read again when all are read", () => {
  const flow = new Flow();
  flow.grow({ unreadBytes: 129 * MEBIBYTE });
  assert(flow.isPaused);
  flow.drained();
  assert(!flow.isPaused);
});

test("while the worker drains, jobs that had started run again, even if their answers are not read", () => {
  const flow = new Flow();
  flow.answer({ unreadBytes: 100 * MEBIBYTE });
  flow.control.drain(true);
  assert(!flow.isBlocked);
  flow.answer({ unreadBytes: 120 * MEBIBYTE });
  assert(!flow.isBlocked);
  assert(!flow.isPaused);
});

test("a controller of version 1, which gets no drain notice, is not read while the worker drains", () => {
  const flow = new Flow();
  flow.control.drain(false);
  assert(flow.isPaused);
  flow.shrink({});
  flow.drained();
  assert(flow.isPaused);
});

/** What a connection holds. */
interface Held {
  jobs: number;
  jobBytes: number;
  cores: number;
  coreBytes: number;
  /** Parts of files for a core. */
  parts: number;
  partBytes: number;
  unreadBytes: number;
}

test("a connection that holds more than its share is not read until all connections hold less, whatever it is answered", () => {
  const flow = new Flow({ jobs: 2, unreadBytes: 2 * MEBIBYTE });
  flow.control.squeeze(true, 4 * MEBIBYTE);
  assert(flow.isPaused);
  assert(!flow.isBlocked, "half of its share may be unread answers");
  flow.shrink({ jobs: 1 });
  assert(flow.isPaused);
  flow.shrink({ unreadBytes: 2 * MEBIBYTE + 1 });
  flow.control.squeeze(true, 4 * MEBIBYTE);
  assert(flow.isBlocked);
  flow.drained();
  flow.control.squeeze(false, 4 * MEBIBYTE);
  assert(!flow.isPaused && !flow.isBlocked);
});

/** A flow control, and what it does. */
class Flow {
  isPaused = false;
  isBlocked = false;
  readonly control: FlowControl;
  readonly #jobs = { count: 0, bytes: 0 };
  readonly #cores = { count: 0, bytes: 0 };
  readonly #parts = { count: 0, bytes: 0 };
  readonly #backlog = {
    jobs: this.#jobs,
    cores: this.#cores,
    parts: this.#parts,
    unreadBytes: 0,
  };

  constructor(held: Partial<Held> = {}) {
    this.#set(held);
    this.control = new FlowControl(this.#backlog, {
      pause: (isPaused) => {
        assert.notEqual(isPaused, this.isPaused);
        this.isPaused = isPaused;
      },
      block: (isBlocked) => {
        assert.notEqual(isBlocked, this.isBlocked);
        this.isBlocked = isBlocked;
      },
    });
  }

  grow(held: Partial<Held>): void {
    this.#set(held);
    this.control.onGrown();
  }

  shrink(held: Partial<Held>): void {
    this.#set(held);
    this.control.onShrunk();
  }

  answer(held: Partial<Held>): void {
    this.#set(held);
    this.control.onAnswerWritten();
  }

  drained(): void {
    this.#set({ unreadBytes: 0 });
    this.control.onDrained();
  }

  #set(held: Partial<Held>): void {
    const { jobs, jobBytes, cores, coreBytes, parts, partBytes, unreadBytes } = held;
    this.#jobs.count = jobs ?? this.#jobs.count;
    this.#jobs.bytes = jobBytes ?? this.#jobs.bytes;
    this.#cores.count = cores ?? this.#cores.count;
    this.#cores.bytes = coreBytes ?? this.#cores.bytes;
    this.#parts.count = parts ?? this.#parts.count;
    this.#parts.bytes = partBytes ?? this.#parts.bytes;
    this.#backlog.unreadBytes = unreadBytes ?? this.#backlog.unreadBytes;
  }
}
