/** Runs and workers that the user stops, as with Ctrl-Z, and has go on. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { core } from "../../../lib/cores.ts";
import { eventually, type Program, startWorker } from "../../../lib/processes.ts";
import { programTest, slowTest, test } from "../../../lib/test.ts";
import { startOwnWorker } from "../../../worker/own_worker.ts";
import { Gate, PASSED } from "../../gate.ts";
import { endOf, Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");

/** Twice as long as a worker may be silent. */
const LONG_MS = 40_000;

test("a run and its worker stop on SIGTSTP, and go on where they were on SIGCONT", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await workspace.write("lines", `${gate.job}\n`.repeat(6));
  await using program = await workspace.start(["run", BEHAVE, "--lines", "lines", "--slots", "2"]);
  await gate.reachedBy(2);
  const slots = await program.slots();
  const [worker] = await program.descendants();
  program.signal("SIGTSTP");
  await eventually("it and its slots have stopped", () => {
    return [program.pid, ...slots].every((pid) => stateOf(pid) === "T");
  });
  assert.notEqual(stateOf(worker as number), "T", "it has to notice the end of the run");
  await gate.open();
  program.signal("SIGCONT");
  assert.equal((await endOf(program)).code, 0, program.stderr);
  assert.deepEqual(Object.values(await workspace.outputs()), Array(6).fill(PASSED));
  assert.equal(await gate.reachedTimes(), 6, "no job that was stopped has run twice");
});

test("when a stopped run is killed, its worker and its slots end by themselves", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await workspace.write("lines", `${gate.job}\necho idle\n`); // one slot runs a job, one waits
  await using program = await workspace.start(["run", BEHAVE, "--lines", "lines", "--slots", "2"]);
  await gate.reachedBy(1);
  await hasBegun(workspace);
  const slots = await program.slots();
  program.signal("SIGTSTP");
  await eventually("all have stopped", () => {
    return [program.pid, ...slots].every((pid) => stateOf(pid) === "T");
  });
  await program.kill();
  await eventually("no process is left", async () => (await program.descendants()).length === 0);
  const files = (await program.files()).filter((name) => !name.startsWith(".distcomp-runs-"));
  assert.deepEqual(files, [], "nor a file, but for the socket, which the next run removes");
});

test("a stopped worker stops its slots, and a run gives it its jobs again when it goes on", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await workspace.write("lines", `${gate.job}\n`.repeat(4));
  await using worker = await startWorker({ slots: 1 });
  const args = ["run", BEHAVE, "--lines", "lines", "--workers", `127.0.0.1:${worker.port}`];
  await using program = await workspace.start(args);
  const slot = await gate.reachedIn(worker);
  worker.signal("SIGTSTP");
  await eventually("both have stopped", () => {
    return [worker.pid, slot].every((pid) => stateOf(pid) === "T");
  });
  await gate.open();
  worker.signal("SIGCONT");
  assert.equal((await endOf(program)).code, 0, program.stderr);
  assert.deepEqual(Object.values(await workspace.outputs()), Array(4).fill(PASSED));
});

programTest("a run that goes on after its workers have given it up uses them again", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", "sleep 100\n".repeat(12));
  await using worker = await startOwnWorker({ slots: 2, controllerSilentMsMax: 1_000 });
  await using program = await startRun(workspace, ["--workers", `127.0.0.1:${worker.port}`]);
  await hasBegun(workspace);
  program.signal("SIGTSTP");
  await worker.logs(/disconnected: it was silent for 1s/);
  program.signal("SIGCONT");
  assert.equal((await endOf(program)).code, 0, program.stderr);
  assert.deepEqual(Object.values(await workspace.outputs()), Array(12).fill("slept"));
});

slowTest("a run that was stopped for 40 s gives up none of its workers", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", "sleep 500\n".repeat(20));
  await using worker = await startWorker({ slots: 2 });
  await using program = await startRun(workspace, ["--workers", `127.0.0.1:${worker.port}`]);
  await hasBegun(workspace);
  await stopFor(program, LONG_MS);
  const ended = await endOf(program);
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(ended.stderr, "", "no worker was lost");
  assert.deepEqual(Object.values(await workspace.outputs()), Array(20).fill("slept"));
});

slowTest(
  "the time in which a run was stopped does not count for the time limits of its jobs",
  async () => {
    await using workspace = await Workspace.make();
    const gate = new Gate(workspace);
    await workspace.write("lines", `${gate.job}\n`.repeat(4));
    await using program = await startRun(workspace, ["--slots", "2", "--timeout", "20s"]);
    await gate.reachedBy(2);
    await stopFor(program, LONG_MS);
    await gate.open();
    const ended = await endOf(program);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(ended.stderr, "");
    assert.equal(await gate.reachedTimes(), 4);
  },
);

slowTest(
  "the worker of a run that was stopped without notice for over a minute waits for it",
  async () => {
    await using workspace = await Workspace.make();
    const gate = new Gate(workspace);
    await workspace.write("lines", `${gate.job}\n`.repeat(4));
    await using program = await startRun(workspace, ["--slots", "2"]);
    await gate.reachedBy(2);
    program.signal("SIGSTOP");
    await delay(65_000);
    program.signal("SIGCONT");
    await gate.open();
    const ended = await endOf(program);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(ended.stderr, "", "no worker was lost");
    assert.equal(await gate.reachedTimes(), 4);
  },
);

function startRun(workspace: Workspace, args: readonly string[]): Promise<Program> {
  return workspace.start(["run", BEHAVE, "--lines", "lines", ...args]);
}

async function hasBegun(workspace: Workspace): Promise<void> {
  await eventually("an output", async () => {
    return Object.keys(await workspace.outputs().catch(() => ({}))).length > 0;
  });
}

async function stopFor(program: Program, ms: number): Promise<void> {
  program.signal("SIGTSTP");
  await eventually("it has stopped", () => stateOf(program.pid) === "T");
  await delay(ms);
  program.signal("SIGCONT");
}

/** The letter by which `ps` tells whether a process is stopped. */
function stateOf(pid: number): string {
  return execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).charAt(0);
}
