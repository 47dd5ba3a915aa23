/** A connection by itself, with a worker that counts what it is asked. */

import assert from "node:assert/strict";
import { concat, encodeFrame } from "../fixtures/peers/frames.ts";
import { test } from "../lib/test.ts";
import type { CoreKey } from "../../pool/types.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import {
  Connection,
  type ConnectionHost,
  type RelayedJob,
} from "../../worker/controllers/connection.ts";
import { cancelMessages, coreMessage, jobMessage, jobMessages, versionMessage } from "./raw.ts";

const JOBS = 1_000;

const HALF_CLOSED_MS = 500;

/** So much may be wasted, and the connection keeps what has come last. */
const KEPT_BYTES = 5 * 2 ** 20;

test("a connection looks for its jobs when the first is taken back, and never again", async () => {
  const host = new CountingHost();
  const ids = Array.from({ length: JOBS }, (_, index) => 10 + index);
  const unknown = ids.map((id) => id + 10 * JOBS);
  const later = ids.map((id) => id + 20 * JOBS);
  await host.hears(versionMessage(0n, 2), coreMessage(1n, "core", new Uint8Array(1)));
  await host.hears(
    jobMessages(10, JOBS, ""),
    cancelMessages(2 * JOBS, ids.toReversed()),
    cancelMessages(3 * JOBS, unknown),
    jobMessages(10 + 20 * JOBS, JOBS, ""),
    cancelMessages(4 * JOBS, later.toReversed()),
  );
  assert.equal(host.searches, 1);
  assert.deepEqual(host.cancelled, [...ids.toReversed(), ...later.toReversed()]);
});

test("small jobs that wait do not keep what came between them", async () => {
  const host = new CountingHost();
  await host.hears(coreMessage(0n, "core", new Uint8Array(1)));
  const unknown = encodeFrame({ type: 9, id: 1n, payload: new Uint8Array(60_000) });
  const ids = Array.from({ length: 100 }, (_, index) => BigInt(1000 + index));
  for (const id of ids) {
    await host.hears(unknown, unknown, jobMessage(id, `input ${id}`), unknown, unknown);
  }
  assert.deepEqual(host.waiting.map(inputOf), ids.map((id) => `input ${id}`));
  assert(host.keptBytes < KEPT_BYTES, `${host.keptBytes} bytes are kept`);
});

test("small jobs that wait do not keep the many that came with them and are answered", async () => {
  const host = new CountingHost();
  await host.hears(versionMessage(0n, 2), coreMessage(1n, "core", new Uint8Array(1)));
  const input = "the same ".repeat(10);
  const ids = Array.from({ length: 10 * JOBS }, (_, index) => index);
  for (let firstId = JOBS; firstId < 101 * JOBS; firstId += ids.length) {
    await host.hears(jobMessages(firstId, ids.length, input));
    const answered = ids.filter((id) => id % JOBS !== 0).map((id) => firstId + id);
    await host.hears(cancelMessages(1000 * JOBS, answered));
  }
  assert.deepEqual(host.waiting.map(inputOf), Array.from({ length: 100 }, () => input));
  assert(host.keptBytes < KEPT_BYTES, `${host.keptBytes} bytes are kept`);
});

test("jobs that fill what they came in stay there, without a copy", async () => {
  const host = new CountingHost();
  await host.hears(coreMessage(0n, "core", new Uint8Array(1)));
  await host.hears(jobMessages(1, 10 * JOBS, "x".repeat(100)));
  assert.equal(host.waiting.length, 10 * JOBS);
  assert(host.buffers < 20, `${host.buffers} pieces of memory`);
});

test("a controller that has ended its sending gets a whole answer that was ready in time, however slowly it takes it", async () => {
  const host = new CountingHost();
  await host.hears(coreMessage(0n, "core", new Uint8Array(1)), jobMessage(1n, "input"));
  host.said.takesMs = 2 * HALF_CLOSED_MS;
  host.said.end();
  await host.said.hasEnded;
  const [job] = host.waiting;
  assert(job);
  job.connection.answer(job, 1, new Uint8Array(1000));
  assert.equal(await host.closed, undefined);
  assert.equal(host.said.takenLast, 17 + 1000);
});

/** The input in a job's payload: after an id and a length. */
function inputOf({ payload }: RelayedJob): string {
  return new TextDecoder().decode(payload.subarray(16));
}

/** A worker that has every core, and runs no job. */
class CountingHost {
  readonly #jobs: RelayedJob[] = [];
  readonly said = new Script();
  readonly #closed = Promise.withResolvers<Error | undefined>();
  readonly closed = this.#closed.promise;
  readonly cancelled: unknown[] = [];
  searches = 0;

  constructor() {
    const core = { key: "core" as CoreKey, name: "core", path: "" };
    const unused = () => assert.fail("nobody asks for that");
    const host: ConnectionHost = {
      hasCore: () => true,
      offerCore: () => Promise.resolve(core),
      chooseCore: unused,
      releaseCore: () => {},
      queueJob: (_connection, _core, job) => void this.#jobs.push(job),
      jobsOf: () => {
        this.searches += 1;
        return this.#jobs;
      },
      cancelJob: ({ id }) => void this.cancelled.push(id),
      describe: unused,
      load: unused,
      setBlocked: () => {},
      onConnectionClosed: (_connection, reason) => this.#closed.resolve(reason),
    };
    const options = {
      clock: systemClock,
      payloadBytesMax: undefined,
      halfClosedMs: HALF_CLOSED_MS,
      silentMsMax: 1_000,
    };
    new Connection(host, this.said, 1 as never, options).start();
  }

  /** The jobs that were not taken back. */
  get waiting(): RelayedJob[] {
    const cancelled = new Set(this.cancelled);
    return this.#jobs.filter(({ id }) => !cancelled.has(id));
  }

  /** Memory that they keep, in pieces, and in bytes. */
  get buffers(): number {
    return this.#buffers().length;
  }

  get keptBytes(): number {
    return this.#buffers().reduce((sum, buffer) => sum + buffer.byteLength, 0);
  }

  #buffers(): ArrayBuffer[] {
    return [...new Set(this.waiting.map(({ payload }) => payload.buffer))];
  }

  /** The controller says that. Resolves when all of it was heard. */
  hears(...messages: Uint8Array[]): Promise<void> {
    return this.said.say(concat(...messages));
  }
}

/** A stream that brings what it is told to, and takes everything. */
class Script implements ByteStream {
  readonly peer = "a test";
  #rest = new Uint8Array(0);
  #go: (() => void) | undefined;
  #heard = () => {};
  #isOver = false;
  #isClosed = false;
  readonly #ended = Promise.withResolvers<void>();
  readonly hasEnded = this.#ended.promise;
  /** How long a write takes. */
  takesMs = 0;
  /** Bytes of the last write, unless it was cut off. */
  takenLast = 0;

  say(bytes: Uint8Array): Promise<void> {
    this.#rest = new Uint8Array(bytes);
    this.#go?.();
    return new Promise((resolve) => this.#heard = resolve);
  }

  /** Says nothing more. */
  end(): void {
    this.#isOver = true;
    this.#go?.();
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) {
      this.#heard();
      await new Promise<void>((resolve) => this.#go = resolve);
    }
    if (this.#isOver) {
      setTimeout(() => this.#ended.resolve()); // when that was heard
      return null;
    }
    const bytes = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, bytes));
    this.#rest = this.#rest.subarray(bytes);
    return bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.takesMs > 0) await new Promise((resolve) => setTimeout(resolve, this.takesMs));
    if (!this.#isClosed) this.takenLast = bytes.byteLength;
  }

  endWrites(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
  }
}
