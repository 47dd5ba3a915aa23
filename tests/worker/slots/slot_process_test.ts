/** What a worker says of the end of a slot's process, and whose line it gives as the reason. The process is a fake. */

import assert from "node:assert/strict";
import type { DispatchId } from "../../../pool/types.ts";
import type { ByteStream, ChildProcess, ProcessEnd } from "../../../runtime/ports.ts";
import { silentLog } from "../../../system/log.ts";
import { PrintingPace } from "../../../system/printing_pace.ts";
import type { EndCause } from "../../../worker/slots/process_end.ts";
import { SlotProcess } from "../../../worker/slots/slot_process.ts";
import type { StartedJob } from "../../../worker/slots/started_job.ts";
import { encodeFrame, OK } from "../../fixtures/peers/frames.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { test } from "../../lib/test.ts";

/** A line that a job printed may arrive this long after its answer. */
const LINE_DELAY_MS_MAX = 1_000;

const JOB = new Uint8Array(16);

/** A second job was sent, and this long after it a line came. */
const LATE_LINES: [title: string, delayMs: number, reason: string][] = [
  [
    "a line that comes within a second of a second job may be that of the first job, and is no reason",
    LINE_DELAY_MS_MAX,
    "exited with status 3",
  ],
  [
    "a line that comes more than a second after a second job is that job's, and the reason for its end",
    LINE_DELAY_MS_MAX + 1,
    "exited with status 3 (the last line)",
  ],
];

for (const [title, delayMs, reason] of LATE_LINES) {
  test(title, async () => {
    const scene = await Scene.connected();
    const { slot, network: { clock } } = scene;
    slot.sendJob(1, JOB, clock.now());
    await clock.advance(1_000);
    slot.sendJob(2, JOB, clock.now());
    await clock.advance(delayMs);
    scene.print("the last line\n");
    await clock.advance(0);
    scene.end({ exitCode: 3 });
    await clock.until("it is lost", () => scene.lost.length > 0);
    assert.deepEqual(scene.lost, [[reason, "self"]]);
  });
}

test("a line that came before the answer of an earlier job is not the reason for the end of a later one", async () => {
  const scene = await Scene.connected();
  const { slot, network: { clock } } = scene;
  slot.sendJob(1, JOB, clock.now());
  slot.sendJob(2, JOB, clock.now());
  await clock.advance(60_000);
  scene.print("the first job's line\n");
  await clock.advance(1);
  await scene.answer(1);
  scene.end({ exitCode: 3 });
  await clock.until("it is lost", () => scene.lost.length > 0);
  assert.deepEqual(scene.lost, [["exited with status 3", "self"]]);
});

test("the line of a process that ran one job is the reason for its end, whenever it came", async () => {
  const scene = await Scene.connected();
  scene.slot.sendJob(1, JOB, 0);
  scene.print("assertion failed\n");
  await scene.network.clock.advance(0);
  scene.end({ signal: "SIGABRT" });
  await scene.network.clock.until("it is lost", () => scene.lost.length > 0);
  assert.deepEqual(scene.lost, [["crashed: SIGABRT (assertion failed)", "self"]]);
});

test("a process that has exited, but whose connection another one holds, is lost after a second", async () => {
  const scene = await Scene.connected();
  scene.end({ exitCode: 3 }, false);
  await scene.network.clock.advance(999);
  assert.deepEqual(scene.lost, []);
  await scene.network.clock.advance(1);
  assert.deepEqual(scene.lost, [["exited with status 3", "self"]]);
  assert.equal(scene.network.clock.timers, 0);
});

test("a process that ends before it connects is no loss, and its last line is the reason", async () => {
  const scene = new Scene();
  const connected = scene.slot.connected.then(() => "connected", ({ message }) => message);
  scene.print("cannot open the C library\n");
  await scene.network.clock.advance(0);
  scene.end({ exitCode: 1 });
  await scene.network.clock.advance(1_000);
  assert.equal(await connected, "A slot process did not start: cannot open the C library");
  assert.deepEqual(scene.lost, []);
  assert.equal(scene.network.clock.timers, 0);
});

test("the shared memory of a process is closed when it has ended, and no timer is left", async () => {
  const scene = await Scene.connected();
  assert.equal(scene.memoryIsClosed, false);
  scene.end({ exitCode: 0 });
  await scene.network.clock.advance(0);
  assert.equal(scene.memoryIsClosed, true);
  await scene.network.clock.advance(1_000);
  assert.equal(scene.network.clock.timers, 0);
});

/** A slot's process as its worker sees it. */
class Scene implements ChildProcess {
  readonly pid = 4711;
  readonly network = new MemoryNetwork();
  readonly lost: [string, EndCause][] = [];
  readonly #end = Promise.withResolvers<ProcessEnd>();
  readonly ended = this.#end.promise;
  #output!: ReadableStreamDefaultController<Uint8Array>;
  readonly outputs = [
    new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#output = controller),
    }),
  ];
  #there: ByteStream | undefined;
  memoryIsClosed = false;
  readonly slot: SlotProcess;

  constructor() {
    const { clock } = this.network;
    const startedJob = { id: 0 as DispatchId, close: () => void (this.memoryIsClosed = true) };
    this.slot = new SlotProcess(this, {
      onAnswer: () => {},
      onLost: (reason, cause) => void this.lost.push([reason, cause]),
    }, {
      clock,
      pace: new PrintingPace(clock, silentLog),
      startedJob: startedJob as unknown as StartedJob,
      onLine: () => {},
      goneLimitMs: undefined,
    });
  }

  /** One that has connected to its worker. */
  static async connected(): Promise<Scene> {
    const scene = new Scene();
    const listener = scene.network.listen({ kind: "unix", path: "slots" });
    const there = await scene.network.dial(listener.address);
    scene.#there = there;
    assert(scene.slot.onConnected(await listener.accept() ?? assert.fail("it is not accepted")));
    listener.close();
    return scene;
  }

  /** It answers a job. */
  async answer(id: number): Promise<void> {
    const frame = encodeFrame({ type: OK, id: BigInt(id), payload: new Uint8Array(0) });
    await this.#there?.write(new Uint8Array(frame));
    await this.network.clock.advance(0);
  }

  print(text: string): void {
    this.#output.enqueue(new TextEncoder().encode(text));
  }

  end(end: ProcessEnd, hangsUp = true): void {
    this.#output.close();
    if (hangsUp) this.#there?.close();
    this.#end.resolve(end);
  }

  kill(): void {
    this.end({ signal: "SIGKILL" });
  }

  unref(): void {}
}
