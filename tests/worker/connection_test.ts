/** A connection by itself, with a worker that counts what it is asked. */

import assert from "node:assert/strict";
import { concat } from "../fixtures/peers/frames.ts";
import { test } from "../lib/test.ts";
import type { CoreKey } from "../../pool/types.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { Connection, type ConnectionHost, type RelayedJob } from "../../worker/connection.ts";
import { cancelMessages, coreMessage, jobMessages, versionMessage } from "./raw.ts";

const JOBS = 1_000;

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

/** A worker that has every core, and runs no job. */
class CountingHost {
  readonly #jobs: RelayedJob[] = [];
  readonly #said = new Script();
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
      onConnectionClosed: () => {},
    };
    const options = { payloadBytesMax: undefined, halfClosedMs: 1_000, silentMsMax: 1_000 };
    new Connection(host, this.#said, 1 as never, options).start();
  }

  /** The controller says that. Resolves when all of it was heard. */
  hears(...messages: Uint8Array[]): Promise<void> {
    return this.#said.say(concat(...messages));
  }
}

/** A stream that brings what it is told to, and takes everything. */
class Script implements ByteStream {
  readonly peer = "a test";
  #rest = new Uint8Array(0);
  #go: (() => void) | undefined;
  #heard = () => {};

  say(bytes: Uint8Array): Promise<void> {
    this.#rest = new Uint8Array(bytes);
    this.#go?.();
    return new Promise((resolve) => this.#heard = resolve);
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.#rest.length === 0) {
      this.#heard();
      await new Promise<void>((resolve) => this.#go = resolve);
    }
    const bytes = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, bytes));
    this.#rest = this.#rest.subarray(bytes);
    return bytes;
  }

  write(): Promise<void> {
    return Promise.resolve();
  }

  endWrites(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}
