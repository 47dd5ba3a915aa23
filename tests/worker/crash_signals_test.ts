/** Signals of crashes: no runtime keeps them from a core and from what it forks. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os, { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test, testUnless } from "../lib/test.ts";
import { connectWith, failureOf, run } from "./controllers.ts";
import { connect2, failed, sendLimited } from "./controllers_2.ts";
import { startOwnWorker } from "./own_worker.ts";

const { SIGSEGV, SIGBUS, SIGABRT, SIGFPE } = os.constants.signals;
const CRASHES = Object.entries({ SIGSEGV, SIGBUS, SIGABRT, SIGFPE });

test("a signal that a job raises ends its slot, and no job that has got one counts as done", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "signals");
  for (const [name, number] of CRASHES) {
    assert.equal(await failureOf(controller, `raise ${number}`), `crashed: ${name}`);
  }
});

test("a signal of a crash that is sent to a slot ends it", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  const pid = Number(await run(controller, "pid"));
  process.kill(pid, "SIGSEGV");
  await worker.logs(new RegExp(`pid ${pid}.*: crashed: SIGSEGV`));
});

test("what a core forks dies of the signals that it raises", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "signals");
  for (const [, number] of CRASHES) {
    assert.equal(await run(controller, `fork ${number}`), `signal ${number}`);
  }
});

test("a handler that a job installs, and that passes a crash on, does not run for ever", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker, "signals");
  assert.equal(await run(controller, "chain"), "went on");
  const crash = sendLimited(controller, "crash", { timeMs: 60_000n });
  assert.equal(await failed(crash, "crash"), "crashed: SIGSEGV");
});

testUnless(
  process.platform === "linux" ? undefined : "only Linux tells where a process has crashed",
  "a forked process that crashes writes nothing to its own files",
  async () => {
    await using worker = await startOwnWorker();
    await using controller = await connectWith(worker, "signals");
    const folder = await mkdtemp(join(tmpdir(), "dc-signals-"));
    try {
      assert.equal(await run(controller, `file ${join(folder, "own")}`), "0 bytes");
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
