/** Everything that a slot has started ends with it, however the slot ends. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { core } from "../lib/cores.ts";
import { eventually, type Program, signalQuietly, startWorker } from "../lib/processes.ts";
import { programTestUnless, testUnless } from "../lib/test.ts";
import { Workspace } from "../cli/workspace.ts";
import { connectWith, failureOf, loadCore, run, send } from "./controllers.ts";
import { connect2, failed, sendLimited } from "./controllers_2.ts";
import { Trace } from "./trace.ts";

const notLinux = existsSync("/proc/self/stat") ? undefined : "only Linux finds what left its group";

/** What the core `leaves` starts. */
const KINDS = ["child", "session", "daemon", "bare"];

testUnless(notLinux, "what a slot has started ends with it when its job crashes", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connectWith(worker, "leaves");
  for (const kind of KINDS) {
    await using trace = new Trace();
    await send(controller, `${kind} crash ${trace.path}`);
    await isGone(await startedIn(trace), kind);
  }
  await hasNoZombies(worker);
});

programTestUnless(
  notLinux,
  "what a slot has started ends with it when its core is unloaded",
  async () => {
    await using worker = await startWorker({ slots: 1 });
    for (const kind of KINDS) {
      await using controller = await connectWith(worker, "leaves");
      await using trace = new Trace();
      await send(controller, `${kind} return ${trace.path}`);
      const pid = await startedIn(trace);
      assert(isThere(pid), `${kind}: it lives while its slot does`);
      await loadCore(controller, "echo");
      await isGone(pid, kind);
    }
  },
);

programTestUnless(
  notLinux,
  "what a slot has started outlives other slots, but not its own",
  async () => {
    await using worker = await startWorker({ slots: 2 });
    await using other = await connectWith(worker, "behave");
    await using controller = await connect2(worker, "leaves");
    for (const kind of KINDS) {
      await using trace = new Trace();
      const job = sendLimited(controller, `${kind} stay ${trace.path}`, {}, 100n);
      const pid = await startedIn(trace);
      assert.match(await failureOf(other, "crash"), /SIGSEGV/);
      assert.equal(await run(other, "echo on"), "on");
      assert(isThere(pid), kind);
      await controller.cancel(100n);
      await failed(job, "cancelled");
      await isGone(pid, kind);
    }
  },
);

testUnless(notLinux, "what slots have started ends with their worker", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connectWith(worker, "leaves");
  await using traces = new AsyncDisposableStack();
  const pids: number[] = [];
  for (const kind of KINDS) {
    const trace = traces.use(new Trace());
    await send(controller, `${kind} return ${trace.path}`);
    pids.push(await startedIn(trace));
  }
  await worker.stop();
  assert.deepEqual(pids.filter(isThere), []);
});

testUnless(
  notLinux,
  "what slots have started ends when their worker is killed by SIGKILL",
  async () => {
    await using traces = new AsyncDisposableStack();
    await using killed = await startWorker({ slots: 1 });
    const controller = await connectWith(killed, "leaves");
    const pids: number[] = [];
    for (const kind of ["child", "cleared", "session", "daemon"]) {
      const trace = traces.use(new Trace());
      await send(controller, `${kind} return ${trace.path}`);
      pids.push(await startedIn(trace));
    }
    await killed.kill();
    await controller.close();
    for (const pid of pids) await isGone(pid, "a process of the killed worker's slot");
    await eventually("its guardian ends", async () => (await killed.descendants()).length === 0);
  },
);

testUnless(
  notLinux,
  "the next worker ends what slots of a worker that was killed have left",
  async () => {
    await using traces = new AsyncDisposableStack();
    await using folder = await Workspace.make();
    await using killed = await startWorker({ slots: 1, tmpdir: folder.path });
    const controller = await connectWith(killed, "leaves");
    const pids: number[] = [];
    for (const kind of ["child", "session", "daemon"]) {
      const trace = traces.use(new Trace());
      await send(controller, `${kind} return ${trace.path}`);
      pids.push(await startedIn(trace));
    }
    for (const pid of (await killed.descendants()).filter(isGuardian)) {
      process.kill(pid, "SIGKILL");
    }
    await killed.kill();
    await controller.close();
    await using _next = await startWorker({ slots: 1 });
    for (const pid of pids) await isGone(pid, "a process of the killed worker's slot");
  },
);

testUnless(notLinux, "a job over --timeout ends with everything that it has started", async () => {
  await using workspace = await Workspace.make();
  const lines = KINDS.map((kind) => `${kind} stay ${workspace.at(kind)}.pid\n`).join("");
  await workspace.write("lines", lines);
  const args = ["run", await core("leaves"), "--lines", "lines", "--timeout", "1s", "--slots", "2"];
  const { code, stderr } = await workspace.run(args);
  assert.equal(code, 1, stderr);
  const pids = KINDS.map((kind) => Number(readFileSync(workspace.at(`${kind}.pid`), "utf8")));
  // The run waits for them: none is left when it has ended.
  assert.deepEqual(pids.filter(isThere), []);
});

testUnless(
  notLinux,
  "what the slots of a local worker that is killed have started ends, and so does what runs again when its run is interrupted",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("lines", `session stay ${workspace.at("pid")}\n`);
    const args = ["run", await core("leaves"), "--lines", "lines", "--slots", "1"];
    await using program = await workspace.start(args);
    const first = await otherPid(workspace, 0);
    const [slot = 0] = (await program.descendants()).filter(isSlot);
    process.kill(parentOf(slot), "SIGKILL");
    await isGone(first, "what its slot has started");
    const second = await otherPid(workspace, first);
    program.signal("SIGINT");
    await program.printed("stderr", /interrupt again/);
    program.signal("SIGINT");
    await program.exited;
    await isGone(second, "what its slot has started");
  },
);

/** Waits until the job has started a process that is not `first`. */
function otherPid(workspace: Workspace, first: number): Promise<number> {
  return eventually("the job has started a process", () => {
    if (!existsSync(workspace.at("pid"))) return undefined;
    const pid = Number(readFileSync(workspace.at("pid"), "utf8"));
    return pid !== first && pid;
  });
}

async function startedIn(trace: Trace): Promise<number> {
  await trace.matches(/^\d+\n/);
  return Number(await trace.text());
}

/** Whether a process runs. One that has ended and was not waited for does not. */
function isThere(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function isGone(pid: number, what: string): Promise<void> {
  try {
    await eventually(`${what} ends`, () => !isThere(pid));
  } finally {
    signalQuietly(pid, "SIGKILL");
  }
}

/** What has ended is waited for by the worker: nothing of it is left in the system's table. */
async function hasNoZombies(worker: Program): Promise<void> {
  await eventually("no ended process is left", () => {
    const children = readFileSync(`/proc/${worker.pid}/task/${worker.pid}/children`, "utf8");
    return children.split(" ").filter((pid) => pid !== "").every((pid) => isThere(Number(pid)));
  });
}

function isSlot(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("slot");
}

function isGuardian(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("distcomp-guardian");
}

function parentOf(pid: number): number {
  return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
}
