/** Peers that violate the specification, break their connection, or are slow. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { type ControllerV1, errorText } from "../fixtures/peers/controller_v1.ts";
import { concat, CORE, encodeFrame, header, JOB, randomSource } from "../fixtures/peers/frames.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connect, connectWith, loadCore, run } from "./controllers.ts";
import { startFakeWorker } from "./own_worker.ts";
import { connectRaw, reset } from "./raw.ts";

const MEBIBYTE = 2 ** 20;

const seed = Math.floor(Math.random() * 2 ** 31);

/** More than a worker's memory varies by itself, less than one needlessly allocated payload. */
const GROWTH_BYTES_MAX = 200 * MEBIBYTE;

test(`random bytes (seed ${seed}) cost their sender its connection, at most`, async () => {
  await using worker = await startFakeWorker();
  await using neighbor = await connectWith(worker, "echo");
  for (let peer = 0; peer < 50; peer++) {
    using socket = await connectRaw(worker);
    socket.resume().end(randomBytes(seed + peer, 4096));
    await once(socket, "close");
    assert.equal(await run(neighbor, "undisturbed"), "undisturbed");
  }
});

test(`frames with random types and payloads (seed ${seed}) are refused one by one`, async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "echo");
  const random = randomSource(seed);
  const answers = Array.from({ length: 500 }, (_, index) => {
    const type = 4 + Math.floor(252 * random());
    const payload = randomBytes(seed + index, Math.floor(100 * random()));
    return controller.send(type, payload);
  });
  for (const answer of answers) assert.match(errorText(await answer), /not a message type/);
  assert.equal(await run(controller, "still here"), "still here");
});

test("a connection that breaks inside a frame affects nothing else", async () => {
  await using worker = await startFakeWorker();
  await using neighbor = await connectWith(worker, "echo");
  const frame = encodeFrame({ type: CORE, id: 1n, payload: new Uint8Array(100_000) });
  for (const at of [1, 8, 16, 17, 18, 1000, 99_999]) {
    for (const end of [breakOff, reset]) {
      const socket = await connectRaw(worker);
      socket.write(frame.subarray(0, at));
      end(socket);
      assert.equal(await run(neighbor, "undisturbed"), "undisturbed");
    }
  }
});

test("connections that are closed at once leave nothing behind", async () => {
  await using worker = await startFakeWorker();
  await using neighbor = await connectWith(worker, "echo");
  for (let round = 0; round < 10; round++) {
    const sockets = await Promise.all(Array.from({ length: 20 }, () => connectRaw(worker)));
    for (const [index, socket] of sockets.entries()) (index % 2 === 0 ? reset : breakOff)(socket);
  }
  assert.equal(await run(neighbor, "undisturbed"), "undisturbed");
});

test("a payload that is too large is refused before memory is taken for it", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using neighbor = await connectWith(worker, "echo");
  const before = await worker.residentBytes();
  for (const payloadBytes of [2n ** 64n - 1n, 2n ** 53n, 2n ** 30n + 1n]) {
    await using controller = await connect(worker);
    const response = controller.response(9n);
    await controller.raw(header(JOB, 9n, payloadBytes));
    assert.match(errorText(await response), new RegExp(String(payloadBytes)));
    assert.deepEqual(await controller.closed, { by: "worker" });
  }
  assert.equal(await run(neighbor, "undisturbed"), "undisturbed");
  assertGrownLittle(before, await worker.residentBytes());
});

test("a refused peer that goes on sending still gets its last answer", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect(worker);
  const response = controller.response(9n);
  void controller.raw(header(JOB, 9n, 2n ** 60n)).catch(() => {});
  void controller.raw(new Uint8Array(8 * MEBIBYTE)).catch(() => {});
  assert.equal((await response).kind, "error");
  assert.equal((await controller.closed).by, "worker");
});

test("large payloads that are only announced cost next to nothing", async () => {
  await using worker = await startWorker();
  await using neighbor = await connectWith(worker, "echo");
  const before = await worker.residentBytes();
  const sockets = await Promise.all(Array.from({ length: 50 }, () => connectRaw(worker)));
  for (const socket of sockets) {
    socket.write(concat(header(JOB, 1n, 2n ** 30n), new Uint8Array(1000)));
  }
  assert.equal(await run(neighbor, "undisturbed"), "undisturbed");
  assertGrownLittle(before, await worker.residentBytes());
  for (const socket of sockets) reset(socket);
});

test("slow peers get all their answers, and delay no other peer", async () => {
  await using worker = await startFakeWorker();
  await using fast = await connectWith(worker, "echo");
  await using slow = await connect(worker, "bytes");
  await using slower = await connect(worker, "bytes");
  const done = Promise.all([slow, slower].map(talk));
  for (let job = 0; job < 100; job++) assert.equal(await run(fast, "fast"), "fast");
  assert.deepEqual(await done, ["slow", "slow"]);

  async function talk(controller: ControllerV1): Promise<string> {
    assert.equal((await controller.exchangeVersion(1)).kind, "ok");
    await loadCore(controller, "version_stamp", { STAMP: '"slow"' });
    return await run(controller, "slow");
  }
});

test("a worker that has run out of file descriptors serves again once there are some", async () => {
  const through = ["sh", "-c", 'ulimit -n 80; exec "$@"', "sh"];
  await using worker = await startWorker({ slots: 1, through });
  await using early = await connectWith(worker, "echo");
  assert.equal(await run(early, "the slot is up"), "the slot is up");
  const sockets = await Promise.all(Array.from({ length: 100 }, () => connectRaw(worker)));
  assert.equal(await run(early, "still here"), "still here");
  for (const socket of sockets) reset(socket);
  await eventually("it has noticed that there are some, and serves", async () => {
    await using late = await connect(worker);
    return await late.exchangeVersion(1).then(({ kind }) => kind === "ok", () => false);
  });
});

function randomBytes(seed: number, count: number): Uint8Array {
  const random = randomSource(seed);
  return Uint8Array.from({ length: count }, () => Math.floor(256 * random()));
}

function breakOff(socket: Socket): void {
  socket.end(() => socket.destroy());
}

function assertGrownLittle(before: number, after: number): void {
  const grown = after - before;
  assert(grown < GROWTH_BYTES_MAX, `the worker has grown by ${Math.round(grown / MEBIBYTE)} MiB`);
}
