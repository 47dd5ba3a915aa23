/** What a worker says of the end of a slot's process, and whose line it gives as the reason. The process is a fake. */

import assert from "node:assert/strict";
import type { DispatchId } from "../../../pool/types.ts";
import type { BlobSource } from "../../../protocol/mod.ts";
import type { ByteStream, ChildProcess, ProcessEnd } from "../../../runtime/ports.ts";
import { encodeJobMark, SLOT_MARKED } from "../../../slot/protocol.ts";
import { silentLog } from "../../../system/log.ts";
import { PrintingPace } from "../../../system/printing_pace.ts";
import type { EndCause } from "../../../worker/slots/processes/process_end.ts";
import { SlotProcess } from "../../../worker/slots/processes/slot_process.ts";
import type { SlotSharedMemory } from "../../../worker/slots/transport/slot_shared_memory.ts";
import { encodeFrame, OK } from "../../fixtures/peers/frames.ts";
import { readAll } from "../../lib/connections.ts";
import { hugeOutputHead } from "../../lib/huge_output.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { test } from "../../lib/test.ts";

const JOB = new Uint8Array(16);

test("what an earlier job has printed is no reason for the end of a later one, however late it is read", async () => {
  const scene = await Scene.connected();
  scene.slot.sendJob(1, { payload: JOB });
  scene.slot.sendJob(2, { payload: JOB });
  scene.print("the first job's line\n");
  scene.mark(1);
  await scene.network.clock.advance(0);
  scene.end({ exitCode: 3 });
  await scene.network.clock.until("it is lost", () => scene.lost.length > 0);
  assert.deepEqual(scene.lost, [["exited with status 3", "self"]]);
});

test("a line behind the mark of an earlier job is the reason for the end, also right after the mark", async () => {
  const scene = await Scene.connected();
  scene.slot.sendJob(1, { payload: JOB });
  scene.slot.sendJob(2, { payload: JOB });
  scene.print("no line feed here");
  scene.mark(1);
  scene.print("assertion failed\n\n");
  await scene.network.clock.advance(0);
  scene.end({ exitCode: 3 });
  await scene.network.clock.until("it is lost", () => scene.lost.length > 0);
  assert.deepEqual(scene.lost, [["exited with status 3 (assertion failed)", "self"]]);
});

test("an answer that was announced waits until its mark is read, and brings the job's last lines", async () => {
  const scene = await Scene.connected();
  scene.slot.sendJob(1, { payload: JOB });
  await scene.announce(1);
  await scene.answer(1);
  scene.print("why\n");
  await scene.network.clock.advance(0);
  assert.deepEqual(scene.answered, []);
  scene.mark(1);
  await scene.network.clock.advance(0);
  assert.deepEqual(scene.answered, [[1, ["why"]]]);
  assert.deepEqual(scene.printed, [[1, ["why"]]]);
  assert.equal(scene.network.clock.timers, 0);
});

test("a mark may be read before the answer that was announced", async () => {
  const scene = await Scene.connected();
  scene.slot.sendJob(1, { payload: JOB });
  scene.print("why\n");
  scene.mark(1);
  await scene.network.clock.advance(0);
  await scene.announce(1);
  await scene.answer(1);
  assert.deepEqual(scene.answered, [[1, ["why"]]]);
});

test("an answer whose mark does not come is passed on after half a second", async () => {
  const scene = await Scene.connected();
  scene.slot.sendJob(1, { payload: JOB });
  await scene.announce(1);
  await scene.answer(1);
  await scene.network.clock.advance(499);
  assert.deepEqual(scene.answered, []);
  await scene.network.clock.advance(1);
  assert.deepEqual(scene.answered, [[1, []]]);
});

test("an answer that nobody waits for closes the connection of its slot, also after a mark and after a time", async () => {
  for (const how of ["mark", "time"] as const) {
    const scene = await Scene.connected();
    scene.refusesAnswers = true;
    await scene.announce(999);
    await scene.answer(999);
    if (how === "mark") scene.mark(999);
    await scene.network.clock.advance(500);
    assert(scene.isHungUp, how);
  }
});

test("a slot that announces answers which do not come loses its connection", async () => {
  const scene = await Scene.connected();
  for (let id = 1; id <= 16; id++) await scene.announce(id);
  assert(!scene.isHungUp);
  await scene.announce(17);
  assert(scene.isHungUp);
});

test("a slot is told to set no more marks after 33 jobs that print nothing, and to set them when one prints", async () => {
  const scene = await Scene.connected();
  for (let id = 1; id <= 33; id++) scene.mark(id);
  await scene.network.clock.advance(0);
  assert.deepEqual(scene.quiet, [true]);
  scene.print("a line\n");
  await scene.network.clock.advance(0);
  assert.deepEqual(scene.quiet, [true, false]);
});

test("lines of a job that goes on are passed on after 50 ms, as those of the job that runs", async () => {
  const scene = await Scene.connected();
  scene.shared.startedId = 7 as DispatchId;
  scene.print("step 1\n\nstep 2\n");
  await scene.network.clock.advance(49);
  assert.deepEqual(scene.printed, []);
  await scene.network.clock.advance(1);
  assert.deepEqual(scene.printed, [[7, ["step 1", "", "step 2"]]]);
});

test("lines of a job are not said to be of the next one if its mark is read late", async () => {
  const scene = await Scene.connected();
  scene.shared.startedId = 7 as DispatchId;
  scene.print("step 1\n");
  await scene.network.clock.advance(49);
  scene.shared.startedId = 8 as DispatchId;
  await scene.network.clock.advance(1);
  assert.deepEqual(scene.printed, []);
  scene.mark(7);
  await scene.network.clock.advance(0);
  assert.deepEqual(scene.printed, [[7, ["step 1"]]]);
});

test("the line of a process that ran one job is the reason for its end, whenever it came", async () => {
  const scene = await Scene.connected();
  scene.slot.sendJob(1, { payload: JOB });
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

test("a process that is ended while its large output is sent goes on until all of that is sent", async () => {
  const scene = await Scene.connected();
  await scene.beginHugeOutput(1);
  assert(scene.slot.isRelayed);
  let hasEnded = false;
  const ended = scene.slot.end().then(() => hasEnded = true);
  await scene.network.clock.advance(60_000);
  await scene.write(new Uint8Array(1_000).fill(7));
  const part = await scene.sources[0]?.read(0, 5_000);
  assert.deepEqual(part, new Uint8Array(1_000).fill(7));
  assert.deepEqual([hasEnded, scene.killed], [false, 0]);
  scene.end({ exitCode: 0 });
  await scene.network.clock.until("it has ended", () => hasEnded);
  await ended;
  assert.equal(scene.slot.isRelayed, false);
  assert.equal(scene.network.clock.timers, 0);
});

test("a process that is killed while its large output waits for a controller has ended", async () => {
  const scene = await Scene.connected();
  await scene.beginHugeOutput(1);
  await scene.write(new Uint8Array(3_000_000));
  let hasEnded = false;
  const ended = scene.slot.end().then(() => hasEnded = true);
  await scene.network.clock.advance(0);
  scene.slot.kill();
  await scene.network.clock.until("it has ended", () => hasEnded);
  await ended;
  assert(scene.slot.isGone);
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
  /** Whether answers are those of jobs that were not sent. */
  refusesAnswers = false;
  /** Whether its worker has closed the connection. */
  isHungUp = false;
  memoryIsClosed = false;
  /** The large outputs that have begun. */
  readonly sources: BlobSource[] = [];
  killed = 0;
  readonly answered: [number, readonly string[]][] = [];
  readonly printed: [number, readonly string[]][] = [];
  readonly quiet: boolean[] = [];
  readonly shared = {
    startedId: 0 as DispatchId,
    slot: 0,
    setQuiet: (isQuiet: boolean) => void this.quiet.push(isQuiet),
    writtenBytes: 0,
    heldBehind: () => undefined,
    close: () => void (this.memoryIsClosed = true),
  };
  readonly slot: SlotProcess;

  constructor() {
    const { clock } = this.network;
    this.slot = new SlotProcess(this, {
      onAnswer: ({ id, source }, lines = []) => {
        if (this.refusesAnswers) throw new Error(`nobody has sent job ${id}`);
        this.answered.push([Number(id), lines]);
        if (source) this.sources.push(source);
      },
      onPrinted: (job, lines) => void this.printed.push([job, lines]),
      onLost: (reason, cause) => void this.lost.push([reason, cause]),
    }, {
      clock,
      pace: new PrintingPace(clock, silentLog),
      shared: this.shared as unknown as SlotSharedMemory,
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
    void readAll(there).catch(() => {}).then(() => scene.isHungUp = true);
    assert(scene.slot.onConnected(await listener.accept() ?? assert.fail("it is not accepted")));
    listener.close();
    return scene;
  }

  /** It answers a job. */
  answer(id: number): Promise<void> {
    return this.#send(OK, id);
  }

  /** It writes the head of an answer whose output is too large for one array. */
  beginHugeOutput(id: number): Promise<void> {
    return this.write(hugeOutputHead(id, 2 ** 31));
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    void this.#there?.write(bytes).catch(() => {}); // it may be killed
    await this.network.clock.advance(0);
  }

  /** It says that the answer to a job has to wait for its mark. */
  announce(id: number): Promise<void> {
    return this.#send(SLOT_MARKED, id);
  }

  /** It marks the end of a job in its output. */
  mark(id: number): void {
    this.#output.enqueue(encodeJobMark(id));
  }

  async #send(type: number, id: number): Promise<void> {
    const frame = encodeFrame({ type, id: BigInt(id), payload: new Uint8Array(0) });
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
    this.killed += 1;
    this.end({ signal: "SIGKILL" });
  }

  unref(): void {}
}
