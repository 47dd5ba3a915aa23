/** Jobs that go over their memory limit: they end, and nothing else does. */

import assert from "node:assert/strict";
import process from "node:process";
import { startWorker } from "../lib/processes.ts";
import { testUnless } from "../lib/test.ts";
import { outputText, run } from "./controllers.ts";
import { allGive, connect2, failed, sendLimited, showPace } from "./controllers_2.ts";

/** More than a slot has by itself. */
const LIMIT = 300n * 2n ** 20n;
const HOARD = `hoard ${400 * 2 ** 20}`;

const isLinux = process.platform === "linux";
const cannotTell = isLinux ? undefined : "only Linux tells how much memory a process has";
const canTell = isLinux ? "this system tells how much memory a process has" : undefined;

testUnless(
  cannotTell,
  "a job over its memory limit ends, with the limit and what it had in its error",
  async () => {
    await using worker = await startWorker({ slots: 1 });
    await using controller = await connect2(worker, "behave");
    const pid = await run(controller, "pid");
    const text = await failed(sendLimited(controller, HOARD, { memoryBytes: LIMIT }), "memory");
    assert.match(text, /^used [3-6]\d\d MiB of memory, its limit is 300 MiB$/);
    assert.notEqual(await run(controller, "pid"), pid);
  },
);

testUnless(
  cannotTell,
  "among many short jobs only the one over its memory limit ends",
  async () => {
    await using worker = await startWorker({ slots: 1 });
    await using controller = await connect2(worker, "behave");
    await showPace(controller);
    const before = echoes();
    const culprit = sendLimited(controller, HOARD, { memoryBytes: LIMIT });
    const behind = echoes();
    await failed(culprit, "memory");
    await allGive([...before, ...behind], "unharmed");

    function echoes() {
      return Array.from({ length: 50 }, () => sendLimited(controller, "echo unharmed"));
    }
  },
);

testUnless(
  cannotTell,
  "a job whose input alone is over its memory limit ends, also after others",
  async () => {
    await using worker = await startWorker({ slots: 1 });
    await using controller = await connect2(worker, "behave");
    const input = `code-null 0 ${"x".repeat(Number(LIMIT))}`;
    for (const others of ["none", "some"]) {
      const text = await failed(sendLimited(controller, input, { memoryBytes: LIMIT }), "memory");
      assert.match(text, /its limit is 300 MiB$/, `after ${others}`);
      await showPace(controller);
    }
  },
);

testUnless(cannotTell, "a job within its memory limit is done", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const limits = { memoryBytes: 2n ** 33n, timeMs: 60_000n };
  assert.equal(outputText(await sendLimited(controller, "sleep 200", limits)), "slept");
});

testUnless(cannotTell, "memory without a limit is left alone", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connect2(worker, "behave");
  const hoards = sendLimited(controller, HOARD, { timeMs: 1500n });
  await failed(sendLimited(controller, HOARD, { memoryBytes: LIMIT }), "memory");
  assert.match(await failed(hoards, "timeout"), /after 1.5 s/);
});

testUnless(
  canTell,
  "a worker that cannot watch memory says so, and does not run the job",
  async () => {
    await using worker = await startWorker({ slots: 1 });
    await using controller = await connect2(worker, "behave");
    const job = sendLimited(controller, "spin", { memoryBytes: LIMIT });
    assert.match(await failed(job, "memory"), /does not tell how much memory/);
  },
);
