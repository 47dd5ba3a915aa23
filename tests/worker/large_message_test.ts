/** Messages of megabytes that a worker does not keep in memory: cores, and what it refuses anyway. */

import assert from "node:assert/strict";
import { ControllerV2, digestOf, isChosen } from "../fixtures/peers/controller_2.ts";
import { errorText } from "../fixtures/peers/controller_v1.ts";
import {
  blob,
  concat,
  CORE,
  encodeFrame,
  header,
  JOB,
  u64,
  utf8,
} from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connect, loadCore, run, send } from "./controllers.ts";
import { connectRaw, readFrames } from "./raw.ts";

const MEBIBYTE = 2 ** 20;
const UNKNOWN = 0xee;

test("a core of 20 MiB works, and is found by its SHA-256", async () => {
  const core = concat(await coreBytes("echo"), new Uint8Array(20 * MEBIBYTE));
  await using worker = await startWorker({ slots: 1 });
  await using first = await connect(worker);
  assert.equal((await first.sendCore("large", core)).kind, "ok");
  assert.equal(await run(first, "a job"), "a job");
  await using other = await ControllerV2.agreed(worker.port);
  assert(isChosen(await other.choose("large", digestOf(core))));
  assert.equal(await run(other, "another job"), "another job");
});

test("a large file that is no core, and one whose length is wrong, are refused, and the connection goes on", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect(worker);
  const noCore = utf8("some text ".repeat(MEBIBYTE / 2));
  assert.match(errorText(await controller.sendCore("text", noCore)), /: it is a text file$/);
  await loadCore(controller, "echo");
  assert.equal(await run(controller, "a job"), "a job");
  using raw = await connectRaw(worker);
  const short = concat(blob(utf8("short")), u64(9n), new Uint8Array(4 * MEBIBYTE));
  raw.write(encodeFrame({ type: CORE, id: 1n, payload: short }));
  const [answer] = await readFrames(raw, 1);
  assert.equal(answer?.type, 0xff);
});

test("a large job without a core, and a large message of an unknown type, are refused as they arrive", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect(worker);
  const large = "x".repeat(3 * MEBIBYTE);
  assert.match(errorText(await send(controller, large)), /^No compute core has been sent yet$/);
  using raw = await connectRaw(worker);
  raw.write(concat(header(UNKNOWN, 5n, BigInt(3 * MEBIBYTE)), new Uint8Array(3 * MEBIBYTE)));
  raw.write(encodeFrame({ type: JOB, id: 6n, payload: concat(u64(0n), u64(0n)) }));
  assert.deepEqual((await readFrames(raw, 2)).map(({ id }) => id), [5n, 6n]);
  await loadCore(controller, "echo");
  assert.equal(await run(controller, large), large);
});
