/** Signals in slots, and in what cores start: they are what C promises, whatever the runtime does with them. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os, { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test, testUnless } from "../lib/test.ts";
import { connectWith, failureOf, run } from "./controllers.ts";
import { connect2, failed, sendLimited } from "./controllers_2.ts";
import { startOwnWorker } from "./own_worker.ts";

const { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGUSR1, SIGUSR2, SIGPIPE } = os.constants.signals;
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

test("signals that workers know have no effect on a slot", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  for (const number of [SIGUSR1, SIGUSR2, SIGPIPE]) {
    assert.equal(await run(controller, `raise ${number}`), "raised");
  }
});

test("a shell that a core starts can handle the signals that end writing, and those of a terminal", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "shell");
  const names = ["PIPE", "TTOU", "XFSZ"];
  for (const name of names) {
    const command = `trap 'echo ${name}' ${name}; kill -s ${name} $$`;
    assert.equal(await run(controller, command), `${name}\n`);
  }
});

testUnless(
  process.platform === "linux"
    ? undefined
    : "only on Linux stacks grow further than they may at first",
  "the stack of a slot, and of what it starts, may grow to 256 MiB, or to the limit of the system",
  async () => {
    await using worker = await startOwnWorker();
    await using controller = await connectWith(worker, "shell");
    const [soft, hard] = (await run(controller, "ulimit -Ss; ulimit -Hs")).trim().split("\n");
    const limit = hard === "unlimited" ? Infinity : Number(hard);
    assert.equal(Number(soft), Math.min(262_144, limit));
  },
);
