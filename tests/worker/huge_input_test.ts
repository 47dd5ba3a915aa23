/** Jobs whose inputs are over the limit of a payload, on a worker with real slots. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { jobResult } from "../fixtures/peers/controller_v1.ts";
import { core } from "../lib/cores.ts";
import { testUnless } from "../lib/test.ts";
import { connect, connectWith, failureOf, run } from "./controllers.ts";
import { startOwnWorker } from "./own_worker.ts";

const notLinux = process.platform === "linux" ? undefined : "only Linux has such memory";

/** Inputs above this are received part by part. A core has to fit. */
const LIMITS = { payloadBytesMax: 128 * 1024, takesHugeInputs: true };

testUnless(
  notLinux,
  "an input over the limit reaches its core whole, and others run before and after it",
  async () => {
    await using worker = await startOwnWorker({ ...LIMITS, slots: 2 });
    await using controller = await connectWith(worker, "large");
    const inputs = [300_000, 64, 2_000_003, 128 * 1024, 5_000_000].map(inputOf);
    const answers = inputs.map((input) => controller.sendJob(0n, input));
    for (const [at, answer] of answers.entries()) {
      const { exitCode, output } = jobResult(await answer);
      assert.equal(exitCode, 0);
      assert.equal(text(output), resultOf(inputs[at] as Uint8Array));
    }
  },
);

testUnless(
  notLinux,
  "an input that comes before any slot has its core is moved to one that has",
  async () => {
    await using worker = await startOwnWorker(LIMITS);
    await using controller = await connect(worker);
    const content = await readFile(await core("large"));
    const input = inputOf(1_000_000);
    const loaded = controller.sendCore("large", content);
    const answer = controller.sendJob(0n, input);
    await loaded;
    assert.equal(text(jobResult(await answer).output), resultOf(input));
  },
);

testUnless(notLinux, "a core that crashes on such an input fails that job alone", async () => {
  await using worker = await startOwnWorker(LIMITS);
  await using controller = await connectWith(worker, "behave");
  const crashing = failureOf(controller, `crash ${"x".repeat(500_000)}`);
  const other = run(controller, `echo ${"y".repeat(400_000)}`);
  assert.match(await crashing, /SIGSEGV/);
  assert.equal(await other, "y".repeat(400_000));
});

testUnless(
  notLinux,
  "a job over the limit is refused while no core was sent, and so is a larger core",
  async () => {
    await using worker = await startOwnWorker(LIMITS);
    await using controller = await connect(worker);
    assert.match(await failureOf(controller, "x".repeat(200_000)), /the limit is 131072 bytes/);
    await controller.closed;
    await using other = await connectWith(worker, "large");
    assert.match(
      new TextDecoder().decode((await other.sendCore("large", new Uint8Array(200_000))).payload),
      /the limit is 131072 bytes/,
    );
  },
);

function inputOf(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => (at * 31) % 256);
}

/** What the core says about it. */
function resultOf(input: Uint8Array): string {
  const words = new BigUint64Array(input.slice(0, input.byteLength & ~7).buffer);
  const sum = words.reduce((sum, word) => BigInt.asUintN(64, sum + word), 0n);
  return `${input.byteLength} ${sum}\n`;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
