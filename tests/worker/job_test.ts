/** The promises of the compute core API, tested with a real slot. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { jobResult } from "../fixtures/peers/controller_v1.ts";
import { textOf } from "../fixtures/peers/frames.ts";
import { test } from "../lib/test.ts";
import { connectWith, failureOf, run, send } from "./controllers.ts";
import { startOwnWorker } from "./own_worker.ts";

/** Sizes around those at which slots, frames and sockets behave differently, and large ones. */
const SIZES = [0, 1, 63, 64, 65, 4095, 4096, 4097, 32_767, 32_769, 65_537, 2 ** 20, 5_000_000];

test("an output is the input's very bytes at every size", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "echo");
  for (const size of [...SIZES, ...SIZES]) {
    const input = Buffer.alloc(size, `size ${size};`);
    const { exitCode, output } = jobResult(await controller.sendJob(0n, input));
    assert.equal(exitCode, 0);
    assert(input.equals(output), `size ${size}`);
  }
});

test("a core may change its input", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  const jobs = ["modify one", "modify two", "modify one"].map((input) => run(controller, input));
  assert.deepEqual(await Promise.all(jobs), ["MODIFY ONE", "MODIFY TWO", "MODIFY ONE"]);
});

test("a job may have no output, with any exit code", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  assert.equal(await run(controller, "null"), "");
  for (const code of [3, -3]) {
    const { exitCode, output } = jobResult(await send(controller, `code-null ${code}`));
    assert.deepEqual([exitCode, textOf(output)], [code, ""]);
  }
});

test("an exit code comes back signed and with the output", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  for (const code of [1, -1, 255, -256, 2 ** 31 - 1, -(2 ** 31)]) {
    const { exitCode, output } = jobResult(await send(controller, `code ${code} said ${code}`));
    assert.deepEqual([exitCode, textOf(output)], [code, `said ${code}`]);
  }
});

test("an input is aligned to 64 bytes, whatever came before it", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  const jobs = [...SIZES].map((size) => run(controller, `align ${"-".repeat(size)}`));
  assert.deepEqual(await Promise.all(jobs), SIZES.map(() => "0"));
});

test("worker_free_outdata is called once after each job, before the next one", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "ledger");
  const inputs = SIZES.flatMap((size) => [new Uint8Array(size), Buffer.from("null")]);
  for (let job = 0; job < 500; job++) inputs.push(Buffer.from("small"), Buffer.from("null"));
  const answers = inputs.map((input) => controller.sendJob(0n, input));
  for (const [index, answer] of answers.entries()) {
    const { exitCode, output } = jobResult(await answer);
    assert.equal(exitCode, 0, textOf(output));
    const isSilent = index % 2 === 1;
    assert.equal(textOf(output), isSilent ? "" : String(index + 1));
  }
});

test("an output of 50 MB arrives whole, and small ones after it", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  const { output } = jobResult(await send(controller, "huge 50000000"));
  assert.equal(output.length, 50_000_000);
  const expected = Buffer.from(Uint8Array.from({ length: 2 ** 16 }, (_, index) => index));
  for (let at = 0; at < output.length; at += expected.length) {
    const part = output.subarray(at, at + expected.length);
    assert(expected.subarray(0, part.length).equals(part), `between ${at} and ${at + part.length}`);
  }
  assert.equal(await run(controller, "echo small"), "small");
});

test("an output that a core only claims to have is refused, and the core stays", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  const pid = await run(controller, "pid");
  for (const bytes of ["1", "40000", "9007199254740993", "18446744073709551615"]) {
    assert.match(await failureOf(controller, `claim ${bytes}`), /null pointer/);
  }
  assert.equal(await run(controller, "pid"), pid);
});
