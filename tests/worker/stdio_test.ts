/** Workers on stdin and stdout: behind `ssh`, a batch system, anything that has two pipes. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ControllerV1, jobResult } from "../fixtures/peers/controller_v1.ts";
import { Program } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { allIsTaken, loadAllSlots, loadCore, outputText, run, send } from "./controllers.ts";

test("a worker on stdio serves its controller, and ends with it", async () => {
  await using worker = await startOnStdio();
  await using controller = await ControllerV1.connect(await worker.openStdio());
  assert.deepEqual([...(await controller.exchangeVersion(1)).payload], [1]);
  await loadCore(controller, "echo");
  const inputs = [0, 1, 100_000, 2_000_000].map((size) => Buffer.alloc(size, `${size},`));
  const answers = inputs.map((input) => controller.sendJob(0n, input));
  for (const [index, answer] of answers.entries()) {
    assert(inputs[index]?.equals(jobResult(await answer).output));
  }
  await controller.halfClose();
  assert.equal((await controller.closed).error, undefined);
  await worker.endsCleanly();
});

test("a worker on stdio answers all that was sent before the end of its stdin", async () => {
  await using worker = await startOnStdio();
  await using controller = await ControllerV1.connect(await worker.openStdio());
  await loadCore(controller, "behave");
  const jobs = ["sleep 100", "echo a", "echo b"].map((input) => send(controller, input));
  await controller.halfClose();
  assert.deepEqual((await Promise.all(jobs)).map(outputText), ["slept", "a", "b"]);
  await worker.endsCleanly();
});

test("what a core prints stays out of a protocol on stdout", async () => {
  await using worker = await startOnStdio();
  await using controller = await ControllerV1.connect(await worker.openStdio());
  await loadCore(controller, "init_prints");
  await loadCore(controller, "behave");
  for (const stream of ["stdout", "stderr"]) {
    assert.equal(await run(controller, `${stream} from ${stream}`), `from ${stream}`);
    await worker.printed("stderr", new RegExp(`: from ${stream}\n`));
  }
  await worker.printed("stderr", /: init_prints: version 1\n/);
});

test("a worker on stdio finishes its jobs when it is told to end", async () => {
  await using worker = await startOnStdio();
  await using controller = await ControllerV1.connect(await worker.openStdio());
  await loadCore(controller, "behave");
  await loadAllSlots(controller, 1);
  const job = run(controller, "sleep 100");
  await allIsTaken(controller);
  worker.signal("SIGTERM");
  assert.equal(await job, "slept");
  await worker.endsCleanly();
});

test("a worker on stdio ends when its controller is killed", async () => {
  await using worker = await startOnStdio();
  const controller = await ControllerV1.connect(await worker.openStdio());
  await loadCore(controller, "echo");
  await controller.close();
  await worker.endsCleanly();
});

function startOnStdio(): Promise<Program> {
  return Program.start(["worker", "--stdio", "--slots", "1"], { isStdio: true });
}
