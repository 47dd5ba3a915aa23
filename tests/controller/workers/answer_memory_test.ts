/** Large answers that arrive at the same time: memory is bounded, honest ones come soon, and slow ones are given up. */

import assert from "node:assert/strict";
import {
  AnswerMemory,
  COMING_BYTES_MAX,
  HELD_BYTES_MAX,
} from "../../../controller/workers/answer_memory.ts";
import type { ConnectedWorker } from "../../../controller/workers/connected_worker.ts";
import { test } from "../../lib/test.ts";

const MIB = 1024 * 1024;
const TICK_MS = 250;

/** A worker that sends answers of this size at this rate, as long as it may. */
class Sender {
  readonly worker = {
    connection: {
      hold: (isHeld: boolean) => void (this.isHeld = isHeld),
      discardArriving: () => this.discard(),
    },
  } as ConnectedWorker;
  isHeld = false;
  answers = 0;
  #id: number;
  #payload: { type: number; id: number; payloadBytes: number; filled: number };

  constructor(
    readonly memory: AnswerMemory,
    number: number,
    readonly payloadBytes: number,
    readonly bytesPerMs: number,
    /** How much of it comes at once. */
    burstBytes = 0,
  ) {
    this.#id = number * 1_000_000;
    this.#payload = this.#next();
    if (burstBytes > 0) this.#arrive(burstBytes);
  }

  /** Sends for this time. */
  send(ms: number): void {
    for (let left = ms; left > 0 && !this.isHeld; left -= 10) this.#arrive(10 * this.bytesPerMs);
  }

  /** All that is left comes with a read that is under way. */
  finish(): void {
    this.#arrive(this.payloadBytes);
  }

  discard(): void {
    this.#payload = this.#next();
  }

  #next(): { type: number; id: number; payloadBytes: number; filled: number } {
    return { type: 1, id: ++this.#id, payloadBytes: this.payloadBytes, filled: 0 };
  }

  #arrive(bytes: number): void {
    this.#payload.filled = Math.min(this.payloadBytes, this.#payload.filled + bytes);
    const isWhole = this.#payload.filled === this.payloadBytes;
    this.memory.onArriving(this.worker, isWhole ? undefined : this.#payload);
    if (!isWhole) return;
    this.answers += 1;
    this.#payload = this.#next();
  }
}

/** Lets senders send for a time. Returns the most bytes that were held. */
function run(memory: AnswerMemory, senders: readonly Sender[], fromMs: number, ms: number): number {
  let most = 0;
  for (let nowMs = fromMs; nowMs < fromMs + ms; nowMs += TICK_MS) {
    for (let step = 0; step < TICK_MS; step += 50) {
      for (const sender of senders) sender.send(50);
      most = Math.max(most, memory.bytes);
    }
    memory.onTick(nowMs, true);
  }
  return most;
}

function memoryOf(): { memory: AnswerMemory; discarded: ConnectedWorker[] } {
  const discarded: ConnectedWorker[] = [];
  return { memory: new AnswerMemory((worker) => void discarded.push(worker)), discarded };
}

test("answers below a mebibyte are not counted, and the others are, until they are complete", () => {
  const { memory } = memoryOf();
  const small = new Sender(memory, 1, MIB - 1, 1_000);
  const large = new Sender(memory, 2, 2 * MIB, 1_000);
  small.send(100);
  large.send(100);
  assert.equal(memory.bytes, 100_000);
  large.send(2_000);
  assert.equal(large.answers, 1);
  assert.equal(memory.bytes, 0);
  large.send(10);
  assert.equal(memory.bytes, 10_000);
  memory.onGone(large.worker);
  assert.equal(memory.bytes, 0);
});

test("a thousand answers of a gibibyte are held within the limit, one of which goes on and on", () => {
  const { memory, discarded } = memoryOf();
  const senders = Array.from(
    { length: 1_000 },
    (_, at) => new Sender(memory, at, 1024 * MIB, 5_000),
  );
  const most = run(memory, senders, 0, 600_000);
  assert(most < HELD_BYTES_MAX + COMING_BYTES_MAX + 1024 * MIB, `${most} bytes`);
  const answers = senders.reduce((sum, sender) => sum + sender.answers, 0);
  assert(answers >= 2, `${answers} answers`);
  assert.equal(discarded.length, 0);
});

test("an answer may be larger than the limit", () => {
  const { memory } = memoryOf();
  const sender = new Sender(memory, 1, 4 * HELD_BYTES_MAX, 100_000);
  run(memory, [sender], 0, 12_000);
  assert.equal(sender.answers, 1);
});

test("honest workers keep their rate beside liars whose answers of a gibibyte trickle, or would take hours", () => {
  for (const bytesPerMs of [0, 1, 110]) {
    const { memory, discarded } = memoryOf();
    const liars = Array.from(
      { length: 600 },
      (_, at) => new Sender(memory, at, 1024 * MIB, bytesPerMs, MIB),
    );
    const honest = [1, 2, 3].map((at) => new Sender(memory, 2_000 + at, 16 * MIB, 10_000));
    const senders = [...liars, ...honest];
    run(memory, senders, 0, 10_000);
    const before = honest.map(({ answers }) => answers);
    const most = run(memory, senders, 10_000, 60_000);
    // The bursts were on their way already.
    assert(most < 600 * MIB + COMING_BYTES_MAX + 1024 * MIB, `${most} bytes`);
    for (const [at, { answers }] of honest.entries()) {
      const rate = (answers - (before[at] as number)) * 16 * MIB / 60_000;
      assert(rate > 9_000, `${rate} bytes per ms`);
    }
    assert(discarded.every((worker) => liars.some((liar) => liar.worker === worker)));
  }
});

test("answers that stop just before the end hold up the others for ten seconds at most", () => {
  const { memory, discarded } = memoryOf();
  const liars = [1, 2, 3].map((at) => new Sender(memory, at, 300 * MIB, 0, 200 * MIB));
  const honest = new Sender(memory, 9, 64 * MIB, 10_000);
  run(memory, [...liars, honest], 0, 20_000);
  assert(discarded.length > 0);
  assert(honest.answers >= 1, `${honest.answers} answers`);
});

test("without others that wait, a slow answer is not given up", () => {
  const { memory, discarded } = memoryOf();
  const sender = new Sender(memory, 1, 4 * HELD_BYTES_MAX, 50, HELD_BYTES_MAX);
  run(memory, [sender], 0, 60_000);
  assert.deepEqual(discarded, []);
});

test("while answers are not read, because outputs are being written, no answer is slow", () => {
  const { memory, discarded } = memoryOf();
  const senders = [1, 2, 3].map((at) => new Sender(memory, at, 400 * MIB, 0, 200 * MIB));
  for (let nowMs = 0; nowMs < 60_000; nowMs += TICK_MS) memory.onTick(nowMs, false);
  assert.deepEqual(discarded, []);
  assert.equal(senders.length, 3);
});

test("a worker whose answer is completed by the read that was under way when it was told to wait waits no longer", () => {
  const { memory } = memoryOf();
  const senders = Array.from(
    { length: 300 },
    (_, index) => new Sender(memory, index, 2 * MIB, 1, MIB),
  );
  const held = senders.filter(({ isHeld }) => isHeld);
  assert(held.length > 0, "memory is short");
  for (const sender of held) sender.finish();
  assert.deepEqual(held.filter(({ isHeld }) => isHeld), []);
});

test("an answer of exactly a mebibyte counts, and with exactly the limit held, a large one waits", () => {
  const memory = new AnswerMemory(() => {});
  new Sender(memory, 1, MIB, 1_000, MIB - 1);
  assert.equal(memory.bytes, MIB - 1);
  new Sender(memory, 2, 2 * HELD_BYTES_MAX, 1_000, HELD_BYTES_MAX - MIB);
  const senders = [3, 4].map((id) => new Sender(memory, id, 2 * COMING_BYTES_MAX, 1_000));
  senders[0]?.send(0);
  const [full, next] = [new Sender(memory, 5, 2 * MIB, 1_000, 1), senders[1] as Sender];
  assert.equal(memory.bytes, HELD_BYTES_MAX);
  next.send(10);
  assert(next.isHeld && !full.isHeld);
});
