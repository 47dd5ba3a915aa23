/** Controllers that leave something unfinished are disconnected; those that are idle between two messages are not. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { concat, header, JOB } from "../fixtures/peers/frames.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connectWith, run } from "./controllers.ts";
import { elapse, startFakeWorker } from "./own_worker.ts";
import { connectRaw, jobMessage, versionMessage } from "./raw.ts";

const GIGABYTE = 2n ** 30n;

const UNFINISHED = [
  [
    "a controller of version 1 that says nothing is disconnected within half a minute",
    new Uint8Array(0),
    /it sent no message within 20s$/m,
  ],
  [
    "a controller of version 1 that sends half a header is disconnected within half a minute",
    header(JOB, 1n, 8n).subarray(0, 9),
    /in the middle of a message/,
  ],
  [
    "a controller of version 1 that announces a gigabyte and is silent is disconnected within half a minute",
    header(JOB, 1n, GIGABYTE),
    /in the middle of a message/,
  ],
  [
    "a controller of version 1 that stops in the middle of a later message is disconnected within half a minute",
    concat(versionMessage(1n), jobMessage(2n, "x").subarray(0, 20)),
    /in the middle of a message/,
  ],
] as const;

for (const [title, bytes, reason] of UNFINISHED) {
  test(title, async () => {
    await using worker = await startFakeWorker();
    using socket = await connectRaw(worker);
    socket.resume();
    if (bytes.length > 0) socket.write(bytes);
    await eventually("it is connected", () => worker.worker.controllers === 1);
    const startedAtMs = worker.clock.now();
    await elapse(worker.clock, worker.logs(reason));
    assert(worker.clock.now() - startedAtMs < 40_000, `after ${worker.clock.now()} ms`);
  });
}

test("a controller that trickles a message is disconnected, and one on a slow network is not", async () => {
  await using worker = await startFakeWorker();
  using trickling = await connectRaw(worker);
  using slow = await connectRaw(worker);
  for (const socket of [trickling, slow]) socket.resume().write(header(JOB, 1n, GIGABYTE));
  await eventually("both are connected", () => worker.worker.controllers === 2);
  const closed = once(trickling, "close");
  for (let second = 0; second < 120 && !trickling.destroyed; second++) {
    await Promise.all([written(trickling, 100), written(slow, 20_000)]);
    await worker.clock.advance(1_000);
  }
  await closed;
  assert.match(worker.log, /it sends a message at less than 10 kB\/s/);
  assert.equal(worker.worker.controllers, 1);
});

test("a controller of version 1 may think for hours between two jobs", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "behave");
  assert.equal(await run(controller, "echo one"), "one");
  for (let hour = 0; hour < 3; hour++) await worker.clock.advance(3_600_000);
  assert.equal(await run(controller, "echo two"), "two");
});

/** Writes bytes, and lets them arrive. */
async function written(socket: Socket, bytes: number): Promise<void> {
  if (socket.destroyed) return;
  await new Promise((resolve) => socket.write(new Uint8Array(bytes), resolve));
  await new Promise((resolve) => setTimeout(resolve, 5));
}
