/** Controllers that send and do not read: the worker pauses them, and its memory does not grow. */

import assert from "node:assert/strict";
import type { ByteStream } from "../../runtime/ports.ts";
import { concat, FrameReader, utf8 } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { slowTest, test } from "../lib/test.ts";
import { fakeCore } from "./controllers.ts";
import { elapse, startFakeWorker } from "./own_worker.ts";
import {
  connectRaw,
  coreMessage,
  jobMessage,
  jobMessages,
  readFrames,
  versionMessage,
} from "./raw.ts";
import { Trace } from "./trace.ts";

const MEBIBYTE = 2 ** 20;

/** A quantity has settled when it has been the same this often, at `eventually`'s pace. */
const SETTLED_LOOKS = 25;

test("a controller that does not read its large outputs stops its own jobs, not the worker", async () => {
  await using trace = new Trace();
  await using worker = await startWorker({ slots: 1 });
  const before = await worker.residentBytes();
  using socket = await connectRaw(worker);
  socket.write(coreMessage(0n, "behave", await coreBytes("behave")));
  const pairs = 50;
  for (let id = 1n; id <= 2 * pairs; id += 2n) {
    socket.write(
      concat(jobMessage(id, "huge 4000000"), jobMessage(id + 1n, `count ${trace.path}`)),
    );
  }
  const countRun = async () => (await trace.text()).split("\n").length - 1;
  await settled("jobs run", async () => await countRun() > 0 && await countRun());
  assert(await countRun() < pairs, "all jobs were run although nothing was read");
  assertGrown(before, await worker.residentBytes(), 500);
  const answers = await readFrames(socket, 2 * pairs + 1);
  assert.equal(new Set(answers.map(({ id }) => id)).size, 2 * pairs + 1);
  assert.equal(await countRun(), pairs);
});

slowTest(
  "65,536 unanswered jobs are taken, and no more until half of them are answered",
  async () => {
    await using worker = await startFakeWorker();
    using socket = await connectRaw(worker);
    const [core, jobs, more] = [0, 65_536, 20_000];
    socket.write(coreMessage(BigInt(core), "hangs", await fakeCore("hangs")));
    socket.write(jobMessages(1, jobs, "waits for its core"));
    socket.write(versionMessage(1_000_000n));
    assert.deepEqual((await readFrames(socket, 1)).map(({ id }) => id), [1_000_000n]);
    // Far more than one read brings.
    socket.write(jobMessages(1 + jobs, more, "is not read yet"));
    socket.write(versionMessage(1_000_001n));
    const answers = await elapse(worker.clock, readFrames(socket, 1 + jobs + more + 1), 10_000);
    const late = answers.findIndex(({ id }) => id === 1_000_001n);
    assert(late > jobs / 2, `it was answered after ${late} others`);
    assert.equal(new Set(answers.map(({ id }) => id)).size, answers.length);
  },
);

slowTest("a controller that does not even read its refusals is not read any further", async () => {
  await using worker = await startFakeWorker();
  const jobs = 600_000;
  // Every job is refused with the name of the core that could not be loaded: ten times as much as was sent.
  const core = coreMessage(0n, "x".repeat(255), utf8("no library"));
  const stream = new UnreadStream(core, jobMessages(1, jobs, ""));
  const served = worker.worker.serve(stream);
  await eventually("nothing more is read from it", async () => {
    await worker.clock.advance(1_000); // refusals have a pace
    return await stream.isLeft();
  });
  const taken = stream.sentBytes / jobMessage(0n, "").length;
  assert(taken > 350_000 && taken < 520_000, `${taken} jobs were taken although nothing was read`);
  stream.readOn();
  await elapse(worker.clock, served, 1_000);
  assert.equal(stream.answers, 1 + jobs);
});

test("a controller that has ended its sending gets an answer that was ready in time, however slowly it reads", async () => {
  await using worker = await startFakeWorker({ halfClosedMs: 500 });
  const core = coreMessage(0n, "behave", await coreBytes("behave"));
  const stream = new UnreadStream(core, jobMessage(1n, "huge 100000"));
  const served = worker.worker.serve(stream);
  await eventually("the job is done", () => worker.fakes.started[0]?.inputs.length === 1);
  await worker.clock.advance(10_000);
  assert(!stream.isClosed);
  stream.readOn();
  await served;
  assert.equal(stream.answers, 2);
});

test("a controller that has ended its sending does not get an answer that comes too late", async () => {
  await using worker = await startFakeWorker({ halfClosedMs: 500 });
  const core = coreMessage(0n, "behave", await coreBytes("behave"));
  const stream = new UnreadStream(core, jobMessage(1n, "sleep 600"));
  const served = worker.worker.serve(stream);
  stream.readOn();
  await eventually("the job runs", () => worker.fakes.started[0]?.inputs.length === 1);
  await worker.clock.advance(499);
  assert(!stream.isClosed);
  await worker.clock.advance(101);
  await served;
  assert.equal(stream.answers, 1);
});

/** A controller that sends all it has and reads nothing until it is told to. */
class UnreadStream implements ByteStream {
  readonly peer = "a test";
  readonly #messages: Uint8Array[];
  readonly #reader = new FrameReader();
  readonly #reads = Promise.withResolvers<void>();
  #reading = 0;
  #lastSeen = -1;
  sentBytes = 0;
  answers = 0;
  isClosed = false;

  constructor(...messages: Uint8Array[]) {
    this.#messages = messages;
  }

  /** Whether nothing was read from it since the last look. */
  isLeft(): boolean {
    const isLeft = this.sentBytes > 0 && this.sentBytes === this.#lastSeen;
    this.#lastSeen = this.sentBytes;
    return isLeft;
  }

  readOn(): void {
    this.#reads.resolve();
  }

  read(into: Uint8Array): Promise<number | null> {
    const next = this.#messages[this.#reading];
    if (!next) return Promise.resolve(null);
    const part = next.subarray(0, into.byteLength);
    into.set(part);
    this.#messages[this.#reading] = next.subarray(part.byteLength);
    if (part.byteLength === next.byteLength) this.#reading += 1;
    this.sentBytes += part.byteLength;
    return Promise.resolve(part.byteLength);
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#reads.promise;
    this.answers += this.#reader.push(bytes.slice()).length;
  }

  endWrites(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
  }
}

/** Waits until a quantity no longer changes, and gives it. Should it pause by chance, the test passes. */
async function settled(
  what: string,
  look: () => number | false | Promise<number | false>,
): Promise<number> {
  let last: number | false = false;
  let looks = 0;
  return await eventually(`it settles how many ${what}`, async () => {
    const now = await look();
    looks = now === last ? looks + 1 : 0;
    last = now;
    return looks >= SETTLED_LOOKS && now;
  });
}

function assertGrown(before: number, after: number, limitMebibytes: number): void {
  const grown = Math.round((after - before) / MEBIBYTE);
  assert(grown < limitMebibytes, `the worker has grown by ${grown} MiB`);
}
