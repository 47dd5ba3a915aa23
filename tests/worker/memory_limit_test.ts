/** Jobs that exceed their memory limit: they are killed, and no other job is. */

import assert from "node:assert/strict";
import process from "node:process";
import { programTestUnless, testUnless } from "../lib/test.ts";
import { outputText, run } from "./controllers.ts";
import { connect2, failed, sendLimited } from "./controllers_2.ts";
import { startOwnWorker, startTimedWorker } from "./own_worker.ts";

const MEBIBYTE = 2 ** 20;

/** More than a slot has by itself. */
const LIMIT_BYTES = 150 * MEBIBYTE;
const LIMIT = { memoryBytes: BigInt(LIMIT_BYTES) };
const HOARD = `hoard ${250 * MEBIBYTE}`;
const OVER_LIMIT = /^used [1-3]\d\d MiB of memory, over its limit of 150 MiB$/;
const HOARDING_CORE = /^its core uses 3\d\d MiB before its first job, over the limit of 150 MiB$/;

const isLinux = process.platform === "linux";
const cannotTell = isLinux ? undefined : "only Linux says how much memory a process has";
const canTell = isLinux ? "this system says how much memory a process has" : undefined;

testUnless(
  cannotTell,
  "a job over its memory limit ends, with the limit and what it used in its error",
  async () => {
    await using worker = await startOwnWorker();
    await using controller = await connect2(worker, "behave");
    const pid = await run(controller, "pid");
    // Many short jobs beside it are not blamed.
    const before = echoes();
    const culprit = sendLimited(controller, HOARD, LIMIT);
    const behind = echoes();
    assert.match(await failed(culprit, "memory"), OVER_LIMIT);
    for (const job of [...before, ...behind]) assert.equal(outputText(await job), "unharmed");
    assert.notEqual(await run(controller, "pid"), pid);

    function echoes() {
      return Array.from({ length: 50 }, () => sendLimited(controller, "echo unharmed"));
    }
  },
);

programTestUnless(
  cannotTell,
  "a job whose input alone is over its memory limit ends, also after others",
  async () => {
    await using worker = await startOwnWorker();
    await using controller = await connect2(worker, "behave");
    const input = `code-null 0 ${"x".repeat(LIMIT_BYTES)}`;
    for (const others of ["none", "some"]) {
      const text = await failed(sendLimited(controller, input, LIMIT), "memory");
      assert.match(text, /over its limit of 150 MiB$/, `after ${others}`);
      assert.equal(await run(controller, "echo another"), "another");
    }
  },
);

testUnless(
  cannotTell,
  "a job that ends before the next look at its memory may have been over its limit",
  async () => {
    await using worker = await startTimedWorker();
    await using controller = await connect2(worker, "behave");
    const job = sendLimited(controller, `leak ${250 * MEBIBYTE}`, LIMIT);
    assert.equal(outputText(await job), "leaked", "no time passes, so nobody looks");
  },
);

testUnless(
  cannotTell,
  "a core that is over a job's memory limit before its first job is to blame, and runs those without",
  async () => {
    for (const isBusy of [false, true]) {
      await using worker = await startOwnWorker();
      await using busy = await connect2(worker, "behave");
      if (isBusy) void sendLimited(busy, "sleep 600000"); // the core is tried in a process of its own
      await using controller = await connect2(worker, "init_hoards");
      assert.match(await failed(sendLimited(controller, "", LIMIT), "core"), HOARDING_CORE);
      if (isBusy) continue;
      assert.equal(outputText(await sendLimited(controller, "")), "");
      const enough = { memoryBytes: BigInt(600 * MEBIBYTE) };
      assert.equal(outputText(await sendLimited(controller, "", enough)), "");
    }
  },
);

testUnless(cannotTell, "memory is not limited where no limit is given", async () => {
  await using worker = await startOwnWorker({ slots: 2 });
  await using controller = await connect2(worker, "behave");
  const hoards = sendLimited(controller, HOARD, { timeMs: 500n });
  await failed(sendLimited(controller, HOARD, LIMIT), "memory");
  assert.match(await failed(hoards, "timeout"), /after 0.5s/);
});

testUnless(
  canTell,
  "a worker that cannot measure memory says so, and does not run the job",
  async () => {
    await using worker = await startOwnWorker();
    await using controller = await connect2(worker, "behave");
    const job = sendLimited(controller, "spin", LIMIT);
    assert.match(await failed(job, "memory"), /does not report how much memory/);
  },
);
