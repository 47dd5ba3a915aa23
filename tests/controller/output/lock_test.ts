/** The lock of an output folder: one holder at a time, and no dead one. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readdir, readFile, utimes } from "node:fs/promises";
import os from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Lock, LockedError } from "../../../controller/output/lock.ts";
import { isGone, MACHINE, PID_NAMESPACE, startOf } from "../../../controller/output/process_id.ts";
import { type Clock, systemClock, systemRandom } from "../../../runtime/clock.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";
import { Workspace } from "../../cli/workspace.ts";
import { eventually } from "../../lib/processes.ts";
import { RUNS_ALL } from "../../lib/random.ts";
import { test, testUnless } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const noProc = startOf(process.pid) === undefined ? "the system tells no start times" : undefined;

/** A process of another boot, and a time that is longer than any machine has been up. */
const OTHER_BOOT = "another-boot pid:[1]";
const LONG_MS = 1e13;

/** Processes that try to acquire a lock at the same time, and how often they do. */
const RIVALS = 4;
const ROUNDS = RUNS_ALL ? 10 : 2;

test("a lock is held once, and free again when it is released", async () => {
  await using workspace = await Workspace.make();
  const lock = await acquire(workspace);
  await assert.rejects(acquire(workspace), LockedError);
  await lock.release();
  await (await acquire(workspace)).release();
  assert.deepEqual(await readdir(workspace.path), []);
});

test("of many concurrent tries exactly one gets the lock, free or held by a dead process", async () => {
  for (const stale of [undefined, await deadHolder()]) {
    await using workspace = await Workspace.make();
    if (stale) await workspace.write("lock", stale);
    const tries = await Promise.allSettled(Array.from({ length: 50 }, () => acquire(workspace)));
    const got = tries.filter((outcome) => outcome.status === "fulfilled");
    assert.equal(got.length, 1);
    for (const outcome of tries) {
      if (outcome.status === "rejected") assert(outcome.reason instanceof LockedError);
    }
    await got[0]?.value.release();
    assert.deepEqual(await readdir(workspace.path), []);
  }
});

test("of several processes that try at once exactly one takes a dead one's lock over", async () => {
  const lock = fileURLToPath(new URL("../../../controller/output/lock.ts", import.meta.url));
  const ports = fileURLToPath(new URL("../../../runtime/clock.ts", import.meta.url));
  const files = fileURLToPath(new URL("../../../runtime/files/system_files.ts", import.meta.url));
  for (let round = 0; round < ROUNDS; round++) {
    await using workspace = await Workspace.make();
    await workspace.write("lock", await deadHolder());
    const script = `
      import { existsSync } from "node:fs";
      import { Lock } from ${JSON.stringify(lock)};
      import { systemClock, systemRandom } from ${JSON.stringify(ports)};
      import { systemFiles } from ${JSON.stringify(files)};
      console.log("ready");
      const cell = new Int32Array(new SharedArrayBuffer(4));
      while (!existsSync("go")) Atomics.wait(cell, 0, 0, 1); // busy ones would keep the others from getting here
      try {
        await Lock.acquire("lock", "it", { clock: systemClock, random: systemRandom, files: systemFiles });
        console.log("got");
      } catch (error) {
        console.log(error.name);
      }
      process.stdin.resume(); // holds it until the others have tried`;
    await workspace.write("rival.ts", `import process from "node:process";\n${script}`);
    const rivals = Array.from({ length: RIVALS }, () => startScript(workspace, "rival.ts"));
    await eventually("all are ready", () => rivals.every(({ said }) => said() !== ""));
    await workspace.write("go", "");
    await eventually(
      "all have tried",
      () => rivals.every(({ said }) => said().split("\n").length > 2),
    );
    const said = rivals.map(({ said }) => said().split("\n")[1]).sort();
    assert.deepEqual(said, [...Array(RIVALS - 1).fill("LockedError"), "got"]);
    await Promise.all(rivals.map(({ end }) => end()));
  }
});

test("a dead process's lock is taken over", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lock", await deadHolder());
  const lock = await acquire(workspace);
  assert.equal(JSON.parse(await readFile(workspace.at("lock"), "utf8")).pid, process.pid);
  await lock.release();
});

testUnless(
  noProc,
  "a dead process's lock is taken over although another process has its number now",
  async () => {
    await using workspace = await Workspace.make();
    for (const pid of [1, process.pid, process.ppid]) {
      await workspace.write("lock", holder({ pid, start: "12" }));
      await (await acquire(workspace)).release();
    }
  },
);

testUnless(
  noProc,
  "a process of another container is never taken to be dead, except after a reboot",
  () => {
    const [boot] = (PID_NAMESPACE ?? "").split(" ");
    const dead = { pid: 2 ** 22 - 1, host: os.hostname(), start: "1" };
    assert(isGone({ ...dead, space: PID_NAMESPACE }, 0));
    assert(!isGone({ ...dead, space: `${boot} pid:[1]` }, LONG_MS));
    assert(isGone({ ...dead, space: OTHER_BOOT }, LONG_MS), "nothing survives a restart");
    assert(isGone({ ...dead, machine: MACHINE }, 0));
    const other = { ...dead, space: OTHER_BOOT, machine: "0123456789abcdef" };
    assert(MACHINE === undefined || !isGone(other, LONG_MS), "that machine has the same host name");
  },
);

testUnless(
  noProc,
  "a lock of another boot is of a live clone of this machine if anything was written since the last restart",
  async () => {
    const clone = holder({ pid: 2 ** 22 - 1, start: "1", space: OTHER_BOOT, machine: MACHINE });
    for (const written of [[], ["lock"], ["jobs.jsonl"]]) {
      await using workspace = await Workspace.make();
      for (const name of ["lock", "jobs.jsonl"]) {
        const path = await workspace.write(name, clone);
        if (!written.includes(name)) await utimes(path, 0, 0);
      }
      if (written.length === 0) {
        await (await acquire(workspace)).release();
        continue;
      }
      await assert.rejects(acquire(workspace), {
        message: `Another run uses the thing: process ${2 ** 22 - 1} on ${os.hostname()}, which ` +
          "is another machine of this name, or this one before it was restarted; " +
          "if that run has ended, as it has if this folder was copied after the restart, " +
          `delete "${workspace.at("lock")}"`,
      });
      assert.equal(await readFile(workspace.at("lock"), "utf8"), clone);
    }
  },
);

testUnless(
  noProc,
  "a copy that was made after a restart is refused with what to delete, unless it kept the times",
  async () => {
    await using original = await Workspace.make();
    const { pid } = process;
    for (const name of ["lock", "jobs.jsonl"]) {
      const text = holder({ pid, start: "1", space: OTHER_BOOT, machine: MACHINE });
      await utimes(await original.write(name, text), 0, 0);
    }
    for (const preserveTimestamps of [true, false]) {
      await using copy = await Workspace.make();
      await cp(original.at("."), copy.at("."), { recursive: true, preserveTimestamps });
      if (preserveTimestamps) await (await acquire(copy)).release();
      else await assert.rejects(acquire(copy), /copied after the restart, delete ".*lock"$/);
    }
  },
);

test("a lock can be taken over after a takeover that was killed, and its files are removed", async () => {
  await using workspace = await Workspace.make();
  for (const name of ["lock", "lock.claim", "lock.claim.claim"]) {
    await workspace.write(name, await deadHolder());
  }
  const lock = await acquire(workspace);
  await lock.removeLeftovers();
  assert.deepEqual(await readdir(workspace.path), ["lock"]);
});

test("files that are being written are no leftovers, until they are a minute old", async () => {
  await using workspace = await Workspace.make();
  const clock = new VirtualClock();
  const lock = await acquire(workspace, clock);
  const half = await workspace.write("lock.0123", '{"pid":');
  await utimes(half, 0, 0);
  await clock.advance(60_000);
  await lock.removeLeftovers();
  assert.deepEqual((await readdir(workspace.path)).sort(), ["lock", "lock.0123"]);
  await clock.advance(1);
  await lock.removeLeftovers();
  assert.deepEqual(await readdir(workspace.path), ["lock"]);
});

test("a lock is refused if another process does not finish its takeover within ten seconds", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lock", await deadHolder());
  const [pid, host] = [process.ppid, os.hostname()];
  await workspace.write("lock.claim", holder({ pid, start: startOf(pid) }));
  const clock = new VirtualClock();
  let refusal: Error | undefined;
  acquire(workspace, clock).catch((error) => refusal = error);
  const { message } = await eventually("it is refused", async () => {
    await clock.advance(1_000);
    return refusal;
  });
  assert(clock.now() > 10_000, `it was refused after ${clock.now()} ms`);
  assert(message.startsWith(`Another run uses the thing: process ${pid} on ${host}; `), message);
  assert(message.includes(`delete "${workspace.at("lock.claim")}"`), message);
});

test("a live process's lock is refused with its process, its host and what to do", async () => {
  await using workspace = await Workspace.make();
  const [pid, host] = [process.ppid, os.hostname()];
  await workspace.write("lock", holder({ pid, start: startOf(pid) }));
  await assert.rejects(acquire(workspace), {
    name: "LockedError",
    message: `Another run uses the thing: process ${pid} on ${host}; wait until it has ended ` +
      `(if it has, delete "${workspace.at("lock")}"), or choose another folder with -o`,
  });
});

test("another machine's lock is refused, because its holder may be alive", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lock", holder({ pid: 17, host: "node7.example" }));
  await assert.rejects(acquire(workspace), {
    message: `Another run uses the thing: process 17 on node7.example; if that run has ended, ` +
      `delete "${workspace.at("lock")}"`,
  });
});

test("a damaged lock is refused with its file, and stays", async () => {
  for (const text of ["", "garbage", "{}", '{"pid":"x","host":1}']) {
    await using workspace = await Workspace.make();
    await workspace.write("lock", text);
    await assert.rejects(acquire(workspace), {
      message: `Cannot tell whether another run uses the thing: the lock ` +
        `"${workspace.at("lock")}" is damaged; delete it if no other run does`,
    });
    assert.deepEqual(await readdir(workspace.path), ["lock"]);
  }
});

test("a lock that was deleted and acquired by another process is not released by its first holder", async () => {
  await using workspace = await Workspace.make();
  const first = await acquire(workspace);
  const other = await workspace.write("lock", holder({ pid: process.ppid }));
  await first.release();
  assert.equal(await readFile(other, "utf8"), holder({ pid: process.ppid }));
});

testUnless(
  noProc,
  "a process that has ended is gone, also while it is a zombie",
  async () => {
    const parent = spawn("sh", ["-c", "sh -c : & echo $!; exec sleep 60"]);
    try {
      const [line] = await once(parent.stdout, "data");
      const pid = Number(String(line));
      // Its parent is a `sleep` now, which never waits for it.
      await eventually("it has ended", () => startOf(pid) === undefined);
      assert.ok(isGone({ pid, host: os.hostname(), start: "1" }, 0));
    } finally {
      process.kill(parent.pid as number, "SIGKILL");
    }
  },
);

function acquire(workspace: Workspace, clock: Clock = systemClock): Promise<Lock> {
  return Lock.acquire(workspace.at("lock"), "the thing", {
    clock,
    random: systemRandom,
    files: systemFiles,
  });
}

function holder(changes: object): string {
  return `${JSON.stringify({ host: os.hostname(), since: "", ...changes })}\n`;
}

/** A lock's text whose process has ended. */
async function deadHolder(): Promise<string> {
  const child = spawn("true");
  await once(child, "exit");
  return holder({ pid: child.pid, start: "1" });
}

interface Script {
  /** What it has printed so far. */
  said(): string;
  end(): Promise<void>;
}

function startScript(workspace: Workspace, name: string): Script {
  const flags = process.versions.bun ? [] : ["-A", "--quiet"];
  const child = spawn(process.execPath, ["run", ...flags, name], {
    cwd: workspace.path,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (more) => text += more);
  const exited = once(child, "exit");
  return {
    said: () => text,
    end: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
