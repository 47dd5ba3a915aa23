/** When a connection is read again after a pause, with a controller in memory that reads no answers. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { coreImage } from "../../../controller/workers/core_image.ts";
import { nextTurn } from "../../../runtime/clock.ts";
import type { ByteStream } from "../../../runtime/ports.ts";
import { acceptControllers } from "../../../worker/serve.ts";
import type { Worker } from "../../../worker/worker.ts";
import { RecordedCluster, type Until } from "../../controller/simulation.ts";
import { concat, encodeFrame, PING, utf8 } from "../../fixtures/peers/frames.ts";
import { coreBytes } from "../../lib/cores.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { eventually } from "../../lib/processes.ts";
import { slowTest, test } from "../../lib/test.ts";
import { FakeSlots, SLOW_LOAD_MS } from "../fake_slots.ts";
import { elapse, OwnWorker, startFakeWorker } from "../own_worker.ts";
import { coreMessage, jobMessage, jobMessages, versionMessage } from "../raw.ts";

/** Longer than one read may bring: what follows such a core comes with another one. */
const LONG_BYTES = 300_000;

/** Above this many unanswered jobs a connection is not read. */
const UNANSWERED_JOBS_MAX = 65_536;

/** The notice that it does not read. */
const NOT_READ = encodeFrame({ type: 0x05, id: 0n, payload: new Uint8Array(8) });

/** How long a controller of version 2 may be silent. */
const SILENT_MS_MAX = 60_000;

/** How long a controller that has ended its sending gets answers. */
const HALF_CLOSED_MS = 30_000;

/** How long it may read nothing of an output that a slot holds. */
const UNREAD_OUTPUT_MS = 300_000;

/** What any core for fake slots begins with. */
const LIBRARY = await coreBytes("echo");

test("a connection that was paused for its cores is read again when they are loaded, although no answer is read", async () => {
  await using worker = await startFakeWorker();
  const controller = await Controller.connect(worker);
  controller.send(coreMessage(0n, "behave", LIBRARY), jobMessage(1n, "huge 1000000"));
  await eventually("an answer is not read", () => hasRun(worker.fakes, "huge 1000000"));
  for (let number = 0; number < 3; number++) controller.send(longCore("slow", number));
  controller.send(jobMessage(2n, "behind"));
  await elapse(
    worker.clock,
    eventually("the job behind the cores is run", () => hasRun(worker.fakes, "behind")),
    SLOW_LOAD_MS / 10,
  );
});

slowTest(
  "a connection that was paused for its jobs is read again when half are answered, although no answer is read",
  async () => {
    await using worker = await startFakeWorker();
    const controller = await Controller.connect(worker);
    controller.send(coreMessage(0n, "behave", LIBRARY), jobMessage(1n, "huge 1000000"));
    await eventually("an answer is not read", () => hasRun(worker.fakes, "huge 1000000"));
    controller.send(
      jobMessage(2n, "sleep 1000"),
      jobMessages(3, UNANSWERED_JOBS_MAX + 10_000, "x"),
    );
    controller.send(jobMessage(2n, "behind"));
    await eventually("the slot is busy", () => hasRun(worker.fakes, "sleep 1000"));
    await elapse(
      worker.clock,
      eventually("the job behind the others is run", () => hasRun(worker.fakes, "behind")),
    );
  },
);

test("a controller that has ended its sending is disconnected after 30 seconds, if its job has not ended", async () => {
  await using worker = await startFakeWorker();
  const controller = await Controller.connect(worker);
  controller.send(coreMessage(0n, "behave", LIBRARY), jobMessage(1n, "spin"));
  await eventually("the job runs", () => hasRun(worker.fakes, "spin"));
  const { clock } = worker;
  await controller.stream.endWrites();
  await clock.advance(HALF_CLOSED_MS - 1);
  assert.equal(worker.worker.controllers, 1);
  await clock.advance(1);
  assert.equal(worker.worker.controllers, 0);
});

test("a controller that is not read does not count as silent", async () => {
  await using worker = await startFakeWorker({ coreLoadLimitMs: 120_000 });
  const controller = await Controller.connect(worker);
  const before = worker.processes.started;
  controller.send(versionMessage(0n, 2));
  for (let number = 0; number < 3; number++) controller.send(longCore("hangs", number));
  await eventually("two cores are checked", () => worker.processes.started > before);
  await elapse(worker.clock, eventually("the third has arrived", () => controller.isRead));
  await worker.clock.advance(SILENT_MS_MAX + 5_000);
  assert.doesNotMatch(worker.log, /disconnected/);
  // Its end is noticed when it is read again, which is when its cores have failed.
  controller.stream.close();
  await elapse(worker.clock, worker.isLeft());
});

test("a controller of version 1 that is not read for now is told nothing", async () => {
  assert.equal(await noticesWhileUnread(1), 0);
});

test("a controller of version 2 that is not read for now is told so every 5 seconds", async () => {
  const notices = await noticesWhileUnread(2);
  assert(notices >= 12 && notices <= 14, `${notices} in a minute`);
});

slowTest(
  "a run whose large input waits for minutes, because that of another run has the worker's memory, does not give up the worker",
  async () => {
    const network = new MemoryNetwork();
    const { clock, runtime } = network;
    const fakes = new FakeSlots({ clock });
    await using worker = await OwnWorker.start({ slots: 2 }, clock, fakes);
    const listener = network.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
    void acceptControllers(worker.worker, listener);
    assert(listener.address.kind === "tcp");
    network.limitRate(listener.address.port, 200);
    const core = coreImage("behave", LIBRARY);
    const input = new Uint8Array(110 * 2 ** 20);
    const clusters = [1, 2].map(() => {
      const until: Until = (what, look) => clock.until(what, look, 3_600_000);
      const recorded = new RecordedCluster(runtime, until, { speculates: false }, core);
      recorded.dial(listener.address as { port: number });
      recorded.addAll([input]);
      return recorded;
    });
    for (const recorded of clusters) {
      await recorded.completed(1);
      assert.deepEqual(recorded.warnings, []);
      recorded.cluster.close();
    }
    listener.close();
  },
);

test("a controller of version 1 that reads nothing of an output for five minutes, while a slot waits for it, is disconnected", () =>
  readNothing(1));

test("a controller of version 2 that pings, and reads nothing of an output for five minutes, is disconnected", () =>
  readNothing(2));

test("no job waits behind an output that is not read, while another slot is free", async () => {
  await using worker = await startFakeWorker({ slots: 2 });
  const { clock, fakes } = worker;
  const controller = await Controller.connect(worker);
  controller.send(coreMessage(0n, "behave", LIBRARY), jobMessage(1n, "relay"));
  await elapse(clock, controller.read(1_000)); // the output has begun
  const { slotsBusy, jobsWaiting } = worker.worker.status;
  assert.deepEqual([slotsBusy, jobsWaiting], [1, 0], "its slot is busy");
  for (const input of ["sleep 1000", "sleep 1001", "sleep 1002"]) {
    controller.send(jobMessage(1n, input));
  }
  await elapse(clock, eventually("all other jobs are run", () => hasRun(fakes, "sleep 1002")));
  const slot = fakes.started.find(({ inputs }) => inputs.includes("relay"));
  assert.deepEqual(slot?.inputs, ["relay"]);
});

test("a controller may leave answers unread for hours that no slot waits for", async () => {
  await using worker = await startFakeWorker();
  const controller = await Controller.connect(worker);
  controller.send(coreMessage(0n, "behave", LIBRARY), jobMessage(1n, "huge 10000000"));
  await eventually("an answer is not read", () => hasRun(worker.fakes, "huge 10000000"));
  await worker.clock.advance(4 * 3_600_000);
  assert.equal(worker.worker.controllers, 1, worker.log);
});

test("large inputs are not read far ahead of the slots, but for 10 ms at most", async () => {
  await using worker = await startFakeWorker({ slots: 1 });
  const controller = await Controller.connect(worker);
  const jobsThere = () => worker.worker.status.slotsBusy + worker.worker.status.jobsWaiting;
  controller.send(coreMessage(0n, "behave", LIBRARY), jobMessage(1n, "sleep 5"));
  await elapse(
    worker.clock,
    eventually(
      "the core is loaded",
      () => hasRun(worker.fakes, "sleep 5") && jobsThere() === 0,
    ),
  );
  // One job runs, one may be in the slot behind it, and four with their fields are more than 4 MiB.
  controller.send(jobMessage(2n, "sleep 1000"), jobMessages(3, 30, "x".repeat(2 ** 20)));
  await eventually("the queue is full", () => jobsThere() >= 5);
  for (let turn = 0; turn < 10; turn++) await nextTurn();
  assert(jobsThere() <= 6, `${jobsThere()} jobs are there`);
  await worker.clock.advance(10);
  await eventually("all are read", () => jobsThere() === 31);
});

/** A controller reads a mebibyte of an output that its slot holds, and then nothing more. */
async function readNothing(version: 1 | 2): Promise<void> {
  await using worker = await startFakeWorker();
  const { clock, fakes } = worker;
  const controller = await Controller.connect(worker);
  controller.send(versionMessage(0n, version), coreMessage(1n, "behave", LIBRARY));
  controller.send(jobMessage(2n, "relay"));
  await eventually("the output begins", () => hasRun(fakes, "relay"));
  const ping = encodeFrame({ type: PING, id: 3n, payload: new Uint8Array(0) });
  const pings = clock.every(10_000, () => version === 2 && controller.send(ping));
  await clock.advance(UNREAD_OUTPUT_MS - 5_000);
  await controller.read(2 ** 20);
  await clock.advance(UNREAD_OUTPUT_MS - 5_000);
  assert.equal(worker.worker.controllers, 1, worker.log);
  await clock.advance(10_000);
  assert.equal(worker.worker.controllers, 0);
  assert.match(worker.log, /it has read nothing of an output for 300s/);
  pings.stop();
}

/** How often a controller is told in a minute that it is not read, because of its cores. */
async function noticesWhileUnread(version: 1 | 2): Promise<number> {
  await using worker = await startFakeWorker({ coreLoadLimitMs: 120_000 });
  const controller = await Controller.connect(worker);
  const before = worker.processes.started;
  controller.send(versionMessage(0n, version));
  for (let number = 0; number < 3; number++) controller.send(longCore("hangs", number));
  await eventually("two cores are checked", () => worker.processes.started > before);
  await elapse(worker.clock, eventually("the third has arrived", () => controller.isRead));
  const received = controller.readAll();
  await worker.clock.advance(60_000);
  controller.stream.close();
  return countOf(NOT_READ, await received);
}

function countOf(part: Uint8Array, bytes: Uint8Array): number {
  return Buffer.from(bytes).toString("hex").split(Buffer.from(part).toString("hex")).length - 1;
}

/** A core of that name which is no other core, and longer than one read. */
function longCore(name: string, number: number): Uint8Array {
  const content = concat(LIBRARY, new Uint8Array(LONG_BYTES), utf8(`${name} ${number}`));
  return coreMessage(BigInt(100 + number), name, content);
}

/** Whether a slot was sent a job with this input. */
function hasRun({ started }: FakeSlots, input: string): boolean {
  return started.some(({ inputs }) => inputs.includes(input));
}

/** A controller that sends as fast as it is read, and reads nothing by itself. */
class Controller {
  #sending: Promise<void> = Promise.resolve();
  /** Whether the worker has read all that was sent, but for what the network holds. */
  isRead = true;

  private constructor(readonly stream: ByteStream) {}

  static async connect({ worker }: { readonly worker: Worker }): Promise<Controller> {
    const network = new MemoryNetwork();
    const listener = network.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
    const near = await network.dial(listener.address);
    void worker.serve(await listener.accept() ?? assert.fail("it is not accepted"));
    return new Controller(near);
  }

  /** Reads at least so many bytes. */
  async read(bytes: number): Promise<void> {
    for (let left = bytes; left > 0;) left -= await this.stream.read(new Uint8Array(left)) ?? left;
  }

  /** Reads until the connection ends. */
  async readAll(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const into = new Uint8Array(1_000);
      const bytes = await this.stream.read(into).catch(() => null);
      if (bytes === null) return concat(...parts);
      parts.push(into.subarray(0, bytes));
    }
  }

  send(...messages: Uint8Array[]): void {
    const bytes = new Uint8Array(concat(...messages));
    this.isRead = false;
    // The worker may close the connection at the end of the test.
    const sending = this.#sending.then(() => this.stream.write(bytes)).catch(() => {});
    this.#sending = sending;
    void sending.then(() => this.isRead = this.#sending === sending);
  }
}
