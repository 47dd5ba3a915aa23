/** A run that gets a signal, whichever and whenever: it ends in order, and says how to resume. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { constants, hostname } from "node:os";
import process from "node:process";
import { core } from "../../../lib/cores.ts";
import { eventually, type Program, signalQuietly, startWorker } from "../../../lib/processes.ts";
import { programTest, slow, test, testUnless } from "../../../lib/test.ts";
import { Gate, PASSED } from "../../gate.ts";
import { endOf, Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");

/** All that end a run. It counts them, whichever they are, but for the last one, which ends it at once. */
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** Which bit of the signals that a process ignores it is. */
const SIGUSR1_BIT = 1n << BigInt(constants.signals.SIGUSR1 - 1);

/** A process id that no system gives. */
const NO_PID = 2 ** 22 - 1;

/** When a signal comes: starts a run, and waits until it has come so far. */
interface Moment {
  readonly name: string;
  reach(workspace: Workspace): Promise<Program>;
  /** The run does not end before a second signal. */
  readonly needsTwo?: boolean;
}

const MOMENTS: readonly Moment[] = [
  {
    name:
      "a run that is told to end while the core is read does so in order, and says how to resume",
    reach: async (workspace) => {
      execFileSync("mkfifo", [workspace.at("core.so")]);
      const program = await workspace.start(["run", "core.so", "--repeat", "9"]);
      await handlesSignals(program);
      return program;
    },
  },
  {
    name:
      "a run that is told to end while the lock of the output folder is taken does so in order, and says how to resume",
    reach: startBehindLock,
  },
  {
    name:
      "a run that is told to end while inputs are read does so in order, and says how to resume",
    reach: async (workspace) => {
      const args = ["run", BEHAVE, "--lines", "-", "--slots", "1"];
      const program = await workspace.start(args, { isStdio: true });
      await eventually("its worker is there", async () => {
        return (await program.descendants()).length > 0;
      });
      return program;
    },
  },
  {
    name:
      "a run that is told to end while no worker has come does so in order, and says how to resume",
    reach: async (workspace) => {
      const args = ["run", BEHAVE, "--repeat", "9", "--listen", "127.0.0.1:0"];
      const program = await workspace.start(args);
      await program.printed("stderr", /^waiting for workers/m);
      return program;
    },
  },
  {
    name:
      "a run that is told to end while the core is loaded, before the first job does so in order, and says how to resume",
    reach: async (workspace) => {
      const slow = await core("init_sleeps", { SLEEP_MS: 60_000 });
      const program = await workspace.start(["run", slow, "--repeat", "9", "--slots", "1"]);
      await eventually("its slot is there", async () => (await program.slots()).length > 0);
      return program;
    },
  },
  {
    name:
      "a run that is told to end while a job runs that does not end does so in order, and says how to resume",
    needsTwo: true,
    reach: async (workspace) => {
      const gate = new Gate(workspace);
      await workspace.write("lines", `${gate.job}\n`.repeat(9));
      const program = await workspace.start(["run", BEHAVE, "--lines", "lines", "--slots", "1"]);
      await gate.reachedBy(1);
      return program;
    },
  },
];

test("a run that is interrupted while it waits for a lock releases the lock that it gets after that", async () => {
  await using workspace = await Workspace.make();
  await using program = await startBehindLock(workspace);
  program.signal("SIGINT");
  await rm(workspace.at("outputs/.distcomp/lock.claim"));
  await assertInterrupted(program);
  assert.deepEqual(await workspace.leftovers(), []);
});

for (const [index, { name, reach, needsTwo = false }] of MOMENTS.entries()) {
  test(name, async () => {
    const signals = slow ? [ENDING[index % ENDING.length] ?? "SIGINT"] : ENDING;
    await Promise.all(signals.map(async (signal) => {
      await using workspace = await Workspace.make();
      await using program = await reach(workspace);
      program.signal(signal);
      if (needsTwo && signal !== "SIGQUIT") {
        await program.printed("stderr", /^finishing 1 running job; interrupt again to stop/m);
        program.signal(signal === "SIGHUP" ? "SIGTERM" : signal);
      }
      await assertInterrupted(program);
      await eventually("nothing is left", async () => (await program.descendants()).length === 0);
      assert.deepEqual(await program.files(), [], signal);
      const left = await workspace.leftovers().catch(() => []);
      assert.deepEqual(left.filter((file) => !file.startsWith("lock")), [], signal);
    }));
  });
}

programTest("a run that gets SIGHUP twice finishes its running jobs, as after one", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await workspace.write("lines", `${gate.job}\n`.repeat(5));
  await using program = await workspace.start(["run", BEHAVE, "--lines", "lines", "--slots", "2"]);
  await gate.reachedBy(2);
  program.signal("SIGHUP");
  await program.printed("stderr", /^finishing 2 running jobs;/m);
  program.signal("SIGHUP");
  await answersStateRequest(program); // so it has got that, too
  await gate.open();
  assert.equal((await endOf(program)).code, 130);
  assert.deepEqual(Object.values(await workspace.outputs()), [PASSED, PASSED]);
});

test("a signal while an interrupted run unloads its cores ends it at once, and it says how to resume", async () => {
  await using workspace = await Workspace.make();
  const slow = await core("version_stamp", { UNLOAD_SECONDS: 60 });
  const args = ["run", slow, "--lines", "-", "--slots", "1"];
  await using program = await workspace.start(args, { isStdio: true });
  program.type("a job\n");
  await eventually(
    "a record",
    async () => (await workspace.recordsSoFar()).length === 1,
  );
  program.signal("SIGTERM"); // no job runs: the run ends, but for its worker
  await eventually("it has disconnected its worker", () => {
    program.signal("SIGUSR2");
    return /; ending$/m.test(program.stderr);
  });
  program.signal("SIGINT");
  await assertInterrupted(program);
  for (const pid of await program.descendants()) signalQuietly(pid, "SIGKILL");
});

programTest(
  "signals while the last messages of a run are written do not cut off how to resume",
  async () => {
    await using workspace = await Workspace.make();
    const text = "x".repeat(1_000);
    await workspace.write("lines", `stderr ${text}\n`.repeat(300) + "sleep 1\nsleep 600000\n");
    await using program = await workspace.start([
      "run",
      BEHAVE,
      "--lines",
      "lines",
      "--slots",
      "1",
    ]);
    await eventually("one output", async () => {
      return Object.keys(await workspace.outputs().catch(() => ({}))).length > 0;
    });
    program.pauseStderr(true);
    // A slot gathers answers for 0.3 ms at most: none waits there behind a job of a millisecond.
    await eventually("the others", async () => (await workspace.recordsSoFar()).length === 301);
    program.signal("SIGQUIT");
    await eventually("it is over, but for its messages", async () => {
      return (await workspace.leftovers()).length === 0;
    });
    program.signal("SIGINT");
    program.pauseStderr(false);
    await assertInterrupted(program);
  },
);

test("a run that gets three signals in a row ends, and says how to resume", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await workspace.write("lines", `${gate.job}\n`.repeat(3));
  await using program = await workspace.start(["run", BEHAVE, "--lines", "lines", "--slots", "1"]);
  await gate.reachedBy(1);
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) program.signal(signal);
  await assertInterrupted(program);
  await eventually("nothing is left", async () => (await program.descendants()).length === 0);
});

const NOHUP = [
  ["run", "a run that was started by nohup goes on after SIGHUP, and ends on SIGTERM"],
  ["worker", "a worker that was started by nohup goes on after SIGHUP, and ends on SIGTERM"],
] as const;

for (const [command, name] of NOHUP) {
  test(name, async () => {
    await using workspace = await Workspace.make();
    const gate = new Gate(workspace);
    await workspace.write("lines", `${gate.job}\n`.repeat(2));
    const args = command === "run"
      ? ["run", BEHAVE, "--lines", "lines", "--slots", "2"]
      : ["worker", "--listen", "127.0.0.1:0", "--slots", "1"];
    await using program = await workspace.start(args, { through: ["nohup"] });
    if (command === "run") await gate.reachedBy(2);
    else await program.printed("stdout", /^listening on/m);
    await handlesSignals(program);
    program.signal("SIGHUP");
    // It has got both when it answers the second.
    await answersStateRequest(program);
    if (command === "worker") return await program.stop();
    program.signal("SIGTERM");
    await program.printed("stderr", /^finishing 2 running jobs;/m);
    await gate.open();
    assert.equal((await endOf(program)).code, 130);
    assert.deepEqual(Object.values(await workspace.outputs()), [PASSED, PASSED]);
  });
}

programTest(
  "a run whose processes all get SIGTERM at once ends in order, and blames no job",
  async () => {
    await using workspace = await Workspace.make();
    const gate = new Gate(workspace);
    await workspace.write("lines", `${gate.job}\n`.repeat(9));
    await using program = await workspace.start([
      "run",
      BEHAVE,
      "--lines",
      "lines",
      "--slots",
      "2",
    ]);
    await gate.reachedBy(2);
    for (const pid of [program.pid, ...await program.descendants()]) {
      signalQuietly(pid, "SIGTERM");
    }
    const ended = await endOf(program);
    assert.equal(ended.code, 130, ended.stderr);
    assert.match(ended.stderr, /(^|\n)to resume: [^\n]*\n$/);
    assert.deepEqual(await workspace.records(), []);
  },
);

programTest("no job fails when slots get SIGTERM from outside, again and again", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", "sleep 20\n".repeat(60));
  await using program = await workspace.start(["run", BEHAVE, "--lines", "lines", "--slots", "3"]);
  for (let times = 0; times < 3; times++) {
    await eventually("more outputs", async () => {
      return Object.keys(await workspace.outputs().catch(() => ({}))).length > 8 * times;
    });
    const slots = await program.slots();
    for (const pid of slots) signalQuietly(pid, "SIGTERM");
  }
  const ended = await endOf(program);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /^60 jobs done/);
  assert((await workspace.records()).every(({ attempt }) => attempt === 1), "none was counted");
});

test("SIGUSR2 prints the state of a run, also if all of its processes get it", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await workspace.write("lines", `echo 1\ncode 3\n${`${gate.job}\n`.repeat(5)}`);
  await using program = await workspace.start(["run", BEHAVE, "--lines", "lines", "--slots", "2"]);
  await gate.reachedBy(2);
  await eventually(
    "the first two have ended",
    async () => (await workspace.recordsSoFar()).length === 2,
  );
  for (const pid of [program.pid, ...await program.descendants()]) {
    signalQuietly(pid, "SIGUSR2");
  }
  const shown = await program.printed("stderr", /^after .*:(.*)\n(.*)\n(.*)\n(.*)\n/m);
  const [, jobs, worker, ...running] = shown;
  assert.match(jobs as string, /^ 1 done, 1 failed, 2 running, 3 waiting; 1 worker, 2 slots; /);
  assert.match(worker as string, /^ {2}this machine {2}2 of 2 slots busy, [\d.]+ jobs\/s$/);
  for (const [index, line] of running.entries()) {
    assert.match(
      line,
      new RegExp(`^ {2}running for [\\d.]+m?s on this machine: 00000${2 + index}$`),
    );
  }
  await gate.open();
  assert.equal((await endOf(program)).code, 1, program.stderr);
  assert.equal(await gate.reachedTimes(), 5, "no slot was ended by it");
});

const noSignalMasks = existsSync("/proc/self/status")
  ? undefined
  : "only Linux tells what is ignored";

testUnless(
  noSignalMasks,
  "SIGUSR1 opens no debugger in a run, its worker and its slots",
  async () => {
    await using workspace = await Workspace.make();
    const gate = new Gate(workspace);
    await workspace.write("lines", gate.job);
    await using program = await workspace.start(["run", BEHAVE, "--lines", "lines"]);
    await gate.reachedBy(1);
    for (const pid of [program.pid, ...await program.descendants()]) {
      const [, ignored = ""] =
        /^SigIgn:\s*(\w+)$/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
      // With a handler, it would interrupt calls of a core, such as `sleep`.
      assert(BigInt(`0x${ignored}`) & SIGUSR1_BIT, `process ${pid} ignores ${ignored}`);
      process.kill(pid, "SIGUSR1");
    }
    await gate.open();
    assert.equal((await endOf(program)).code, 0, program.stderr);
    assert.doesNotMatch(program.stderr, /debugger/i);
  },
);

programTest("SIGUSR2 prints the state of a worker in its log", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await workspace.write("lines", `${gate.job}\n`.repeat(5));
  await using worker = await startWorker({ slots: 2 });
  const args = ["run", BEHAVE, "--lines", "lines", "--workers", `127.0.0.1:${worker.port}`];
  await using program = await workspace.start(args);
  await gate.reachedBy(2);
  worker.signal("SIGUSR2");
  await worker.printed("stderr", /Z 2 of 2 slots busy, \d jobs? waiting$/m);
  await worker.printed("stderr", /Z {3}1 controller: 127\.0\.0\.1:\d+$/m);
  await worker.printed("stderr", /Z {3}core \S+ \([0-9a-f]{12}\) in 2 slots$/m);
  await worker.printed("stderr", /Z {3}memory: .*[MG]B free$/m);
  await gate.open();
  assert.equal((await endOf(program)).code, 0, program.stderr);
});

/** Starts a run that waits for the lock of its output folder: this process seems to take it over. */
async function startBehindLock(workspace: Workspace): Promise<Program> {
  const holder = { host: hostname(), token: "1", since: "long ago" };
  const state = "outputs/.distcomp";
  await workspace.write(`${state}/lock`, JSON.stringify({ ...holder, pid: NO_PID }));
  await workspace.write(`${state}/lock.claim`, JSON.stringify({ ...holder, pid: process.pid }));
  const program = await workspace.start(["run", BEHAVE, "--repeat", "9"]);
  await eventually("it tries to take the lock", async () => {
    return (await workspace.leftovers()).length > 2;
  });
  return program;
}

/** Waits until the program handles signals, which it does before anything else: until it answers one. */
async function handlesSignals(program: Program): Promise<void> {
  const masks = () => execFileSync("cat", [`/proc/${program.pid}/status`], { encoding: "utf8" });
  if (!existsSync("/proc/self/status")) return await answersStateRequest(program);
  await eventually("it handles SIGQUIT, and so all of them", () => {
    const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(masks())?.[1] ?? "0";
    return (BigInt(`0x${mask}`) & (1n << 2n)) !== 0n;
  });
}

async function answersStateRequest(program: Program): Promise<void> {
  program.signal("SIGUSR2");
  await program.printed("stderr", /^(after .* waiting|starting|.*slots? busy)/m);
}

/** Waits for the end of an interrupted run, whose last line says how to resume it. */
async function assertInterrupted(program: Program): Promise<void> {
  assert.deepEqual(await program.exited, { code: 130, signal: null }, program.stderr);
  assert.match(program.stderr, /(^|\n)to resume[^\n]*: \S*distcomp run [^\n]*\n$/);
}
