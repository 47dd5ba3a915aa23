/** Controllers that send and do not read: they wait, the worker's memory does not grow. */

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { concat, ERROR } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connectWith, run } from "./controllers.ts";
import { connectRaw, coreMessage, jobMessage, jobMessages, readFrames } from "./raw.ts";
import { Trace } from "./trace.ts";

const MEBIBYTE = 2 ** 20;

/** A quantity has settled when it has been the same this often, at `eventually`'s pace. */
const SETTLED_LOOKS = 25;

test("large outputs that a controller does not read stop its jobs, not the worker", async () => {
  await using trace = new Trace();
  await using worker = await startWorker({ slots: 2 });
  const before = await worker.residentBytes();
  using socket = await connectRaw(worker);
  socket.write(coreMessage(0n, "behave", await coreBytes("behave")));
  const pairs = 200;
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

test("200,000 jobs of a controller that does not read are taken slowly, then all answered", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using neighbour = await connectWith(worker, "echo");
  const before = await worker.residentBytes();
  using socket = await connectRaw(worker);
  socket.write(coreMessage(0n, "echo", await coreBytes("echo")));
  const jobs = 200_000;
  const progress = sendJobs(socket, jobs);
  const sent = await settled("jobs are taken", () => progress.sent > 0 && progress.sent);
  assert(sent < jobs, "all jobs were taken although nothing was read");
  assertGrown(before, await worker.residentBytes(), 400);
  assert.equal(await run(neighbour, "undisturbed"), "undisturbed");
  const answers = await readFrames(socket, jobs + 1);
  assert.equal(new Set(answers.map(({ id }) => id)).size, jobs + 1);
});

test("a controller that does not read even its refusals has to wait too", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using neighbour = await connectWith(worker, "echo");
  const before = await worker.residentBytes();
  using socket = await connectRaw(worker);
  // Every job is refused with the name of the core that could not be loaded: more than was sent.
  socket.write(coreMessage(0n, "x".repeat(3000), await coreBytes("init_refuses")));
  await readFrames(socket, 1);
  const jobs = 100_000;
  const progress = sendJobs(socket, jobs);
  const sent = await settled("jobs are taken", () => progress.sent > 0 && progress.sent);
  assert(sent < jobs, "all jobs were refused although nothing was read");
  assertGrown(before, await worker.residentBytes(), 400);
  assert.equal(await run(neighbour, "undisturbed"), "undisturbed");
  const answers = await readFrames(socket, jobs);
  assert(answers.every(({ type }) => type === ERROR));
});

/** Sends jobs of a kilobyte, a thousand whenever those before have gone, and counts them. */
function sendJobs(socket: Socket, count: number): { readonly sent: number } {
  const input = "x".repeat(1000);
  const progress = { sent: 0 };
  const sendMore = () => {
    if (progress.sent === count) return;
    socket.write(jobMessages(progress.sent + 1, 1000, input), (error) => {
      if (error) return;
      progress.sent += 1000;
      sendMore();
    });
  };
  sendMore();
  return progress;
}

/** Waits until a quantity no longer changes, and gives it. Should it pause by chance, nobody is blamed. */
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
