/** What a connection makes of a worker's responses: one for each message, in time, and none that it did not ask for. */

import assert from "node:assert/strict";
import type { DispatchId } from "../../../pool/types.ts";
import {
  encodeChooseResponse,
  encodeCoreResponse,
  encodeDescription,
  encodeDone,
  encodeDraining,
  encodeVersionResponse,
  encodeWorkerLoad,
  type Frame,
  FrameDecoder,
} from "../../../protocol/mod.ts";
import type { ByteStream } from "../../../runtime/ports.ts";
import { WorkerConnection } from "../../../controller/workers/worker_connection.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { test } from "../../lib/test.ts";
import { CORE } from "../simulation.ts";

const DESCRIPTION = {
  instance: "00112233445566778899aabbccddeeff",
  slots: 2,
  memoryBytes: 1,
  platform: "linux-x86_64",
  software: "a test",
  machine: "here",
  cores: [],
};

/** The slowest link: the transfer of a core adds to its time. */
const SLOWEST_LINK_BYTES_PER_MS = 100;

/** How long a worker may take to answer, and to say why a core has not loaded in time. */
const HANDSHAKE_MS_MAX = 10_000;
const CORE_LOAD_EXTRA_MS = 60_000;

/** How long the core may take to load. */
const INIT_MS = 600_000;

test("a second response to one message breaks the protocol, whichever message it was", async () => {
  const load = {
    slotsBusy: 0,
    jobsWaiting: 0,
    memoryFreeBytes: 0,
    slotsLoading: 0,
    loadingMs: 0,
  };
  const rounds: [string, (worker: Worker) => Promise<Uint8Array<ArrayBuffer>>][] = [
    ["version", async (worker) => encodeVersionResponse((await worker.next()).id, true)],
    ["description", async (worker) => {
      await worker.agree();
      return encodeDescription((await worker.next()).id, DESCRIPTION);
    }],
    ["ping", async (worker) => {
      await worker.introduce();
      await worker.network.clock.advance(5_000);
      worker.connection.onTick(worker.network.clock.now());
      return encodeWorkerLoad((await worker.next()).id, load);
    }],
    ["cancel", async (worker) => {
      await worker.introduce();
      worker.connection.cancel(1 as DispatchId);
      return encodeDone((await worker.next()).id);
    }],
  ];
  for (const [what, answer] of rounds) {
    const worker = await Worker.connected();
    const response = await answer(worker);
    await worker.send(response);
    assert.equal(worker.closed.length, 0, what);
    await worker.send(response);
    assert.match(
      worker.reason,
      /unexpected response: no outstanding message/,
      what,
    );
    worker.assertNoTimers();
  }
});

test("a worker has ten seconds to agree on a version, and ten more to describe itself", async () => {
  const worker = await Worker.connected();
  const { clock } = worker.network;
  await clock.advance(HANDSHAKE_MS_MAX - 1);
  await worker.agree();
  await clock.advance(HANDSHAKE_MS_MAX - 1);
  assert.equal(worker.closed.length, 0);
  await clock.advance(1);
  assert.match(worker.reason, /did not describe itself within 10s/);
  worker.assertNoTimers();
});

test("a worker that does not agree within ten seconds is disconnected", async () => {
  const worker = await Worker.connected();
  await worker.network.clock.advance(HANDSHAKE_MS_MAX);
  assert.match(worker.reason, /version exchange within 10s/);
  worker.assertNoTimers();
});

test("a worker has a minute more to confirm a core than the core may take to load, from when it was chosen, and no limit once it has", async () => {
  for (const isInTime of [true, false]) {
    const worker = await Worker.connected();
    const { clock } = worker.network;
    await worker.introduce();
    worker.connection.loadCore(CORE, INIT_MS);
    await worker.send(encodeChooseResponse((await worker.next()).id, false));
    const sent = await worker.next();
    await clock.advance(INIT_MS + CORE_LOAD_EXTRA_MS - 1);
    assert.deepEqual(worker.failures, []);
    if (isInTime) await worker.send(encodeCoreResponse(sent.id));
    await clock.advance(1 + CORE.content.byteLength / SLOWEST_LINK_BYTES_PER_MS);
    assert.equal(worker.loaded, isInTime ? 1 : 0);
    assert.deepEqual(
      worker.failures,
      isInTime ? [] : ["it did not confirm the compute core within 660s"],
    );
    worker.assertNoTimers();
  }
});

test("a connection that is held for lack of memory reads nothing, also when it is paused and resumed meanwhile", async () => {
  const worker = await Worker.connected();
  await worker.introduce();
  worker.connection.hold(true);
  await worker.send(encodeDraining()); // the read that is under way gets it
  await worker.network.clock.advance(0);
  await worker.send(encodeDone(1)); // no such message was sent
  worker.connection.pause(true);
  worker.connection.pause(false);
  await worker.network.clock.advance(0);
  assert.deepEqual(worker.closed, []);
  worker.connection.hold(false);
  await worker.network.clock.advance(0);
  assert.equal(worker.closed.length, 1);
});

test("a connection that is closed in the middle of a message has no timer left", async () => {
  const worker = await Worker.connected();
  worker.connection.close();
  await worker.network.clock.advance(0);
  assert.deepEqual(worker.closed, [undefined]);
  worker.assertNoTimers();
});

/** A worker whose every response is the test's. */
class Worker {
  readonly closed: (Error | undefined)[] = [];
  readonly failures: string[] = [];
  loaded = 0;
  readonly connection: WorkerConnection;
  readonly #stream: ByteStream;
  readonly #decoder = new FrameDecoder();

  private constructor(readonly network: MemoryNetwork, near: ByteStream, stream: ByteStream) {
    this.#stream = stream;
    this.connection = new WorkerConnection(near, network.clock, 2, {
      onIntroduced: () => {},
      onCoreLoaded: () => void (this.loaded += 1),
      onCoreFailed: (reason) => void this.failures.push(reason),
      onArriving: () => {},
      onDraining: () => {},
      onClosed: (reason) => void this.closed.push(reason),
    });
    this.connection.start();
  }

  static async connected(): Promise<Worker> {
    const network = new MemoryNetwork();
    const listener = network.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
    const near = await network.dial(listener.address);
    return new Worker(network, near, await listener.accept() ?? assert.fail("not accepted"));
  }

  /** Why the connection was closed. */
  get reason(): string {
    return this.closed[0]?.message ?? "";
  }

  /** The next message of the controller. */
  async next(): Promise<Frame> {
    for (;;) {
      const frame = this.#decoder.next();
      if (frame) return frame;
      const bytes = await this.#stream.read(this.#decoder.space());
      this.#decoder.commit(bytes ?? assert.fail("the connection is closed"));
    }
  }

  async send(frame: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#stream.write(frame);
    await this.network.clock.advance(0);
  }

  async agree(): Promise<void> {
    await this.send(encodeVersionResponse((await this.next()).id, true));
  }

  async introduce(): Promise<void> {
    await this.agree();
    await this.send(encodeDescription((await this.next()).id, DESCRIPTION));
  }

  assertNoTimers(): void {
    assert.equal(this.network.clock.timers, 0, "timers are left");
  }
}
