/** The lock of an output folder: one holder at a time, and none that is dead. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import os from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Lock, LockedError } from "../../../controller/output/lock.ts";
import { isGone, OWN_SPACE, startOf } from "../../../controller/output/process_id.ts";
import { Workspace } from "../../cli/workspace.ts";
import { eventually } from "../../lib/processes.ts";
import { test, testUnless } from "../../lib/test.ts";

const noProc = startOf(process.pid) === undefined ? "the system tells no start times" : undefined;

/** Processes that try to get a lock at the same time, and how often they do. */
const RIVALS = 4;
const ROUNDS = 5;

test("a lock is held once, and free again when it is released", async () => {
  await using workspace = await Workspace.make();
  const lock = await acquire(workspace);
  await assert.rejects(acquire(workspace), LockedError);
  await lock.release();
  await (await acquire(workspace)).release();
  assert.deepEqual(await readdir(workspace.path), []);
});

test("of many who try at once exactly one gets the lock, also where a dead one holds it", async () => {
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

test("of several processes that try at once exactly one gets a dead one's lock", async () => {
  const module = fileURLToPath(new URL("../../../controller/output/lock.ts", import.meta.url));
  for (let round = 0; round < ROUNDS; round++) {
    await using workspace = await Workspace.make();
    await workspace.write("lock", await deadHolder());
    const script = `
      import { existsSync } from "node:fs";
      import { Lock } from ${JSON.stringify(module)};
      console.log("ready");
      while (!existsSync("go"));
      try {
        await Lock.acquire("lock", "it");
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

test("a dead one's lock is taken over", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lock", await deadHolder());
  const lock = await acquire(workspace);
  assert.equal(JSON.parse(await readFile(workspace.at("lock"), "utf8")).pid, process.pid);
  await lock.release();
});

testUnless(
  noProc,
  "a dead one's lock is taken over although its number is another's now",
  async () => {
    await using workspace = await Workspace.make();
    for (const pid of [1, process.pid, process.ppid]) {
      await workspace.write("lock", holder({ pid, start: "12" }));
      await (await acquire(workspace)).release();
    }
  },
);

testUnless(noProc, "of a process in another container nobody knows here whether it lives", () => {
  const [boot] = (OWN_SPACE ?? "").split(" ");
  const dead = { pid: 2 ** 22 - 1, host: os.hostname(), start: "1" };
  assert(isGone({ ...dead, space: OWN_SPACE }));
  assert(!isGone({ ...dead, space: `${boot} pid:[1]` }));
  assert(isGone({ ...dead, space: "another-boot pid:[1]" }), "nothing survives a restart");
});

test("a lock whose takeover was cut short can be taken over", async () => {
  await using workspace = await Workspace.make();
  for (const name of ["lock", "lock.claim", "lock.claim.claim"]) {
    await workspace.write(name, await deadHolder());
  }
  const lock = await acquire(workspace);
  await lock.removeLeftovers();
  assert.deepEqual(await readdir(workspace.path), ["lock"]);
});

test("a live one's lock is refused with its process, its host and what to do", async () => {
  await using workspace = await Workspace.make();
  const [pid, host] = [process.ppid, os.hostname()];
  await workspace.write("lock", holder({ pid, start: startOf(pid) }));
  await assert.rejects(acquire(workspace), {
    name: "LockedError",
    message: `Another run uses the thing: process ${pid} on ${host}; wait until it has ended ` +
      `(if it has, delete "${workspace.at("lock")}"), or choose another folder with -o`,
  });
});

test("another machine's lock is refused, as nobody here knows whether its holder lives", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lock", holder({ pid: 17, host: "node7.example" }));
  await assert.rejects(acquire(workspace), {
    message: `Another run uses the thing: process 17 on node7.example; if that run is gone, ` +
      `delete "${workspace.at("lock")}"`,
  });
});

test("a lock that cannot be read is refused, and may be deleted", async () => {
  for (const text of ["", "garbage", "{}", '{"pid":"x","host":1}']) {
    await using workspace = await Workspace.make();
    await workspace.write("lock", text);
    await assert.rejects(acquire(workspace), /damaged; delete it if no other run does$/);
    assert.deepEqual(await readdir(workspace.path), ["lock"]);
  }
});

test("a lock that somebody has deleted and another has taken is not released by its first holder", async () => {
  await using workspace = await Workspace.make();
  const first = await acquire(workspace);
  const other = await workspace.write("lock", holder({ pid: process.ppid }));
  await first.release();
  assert.equal(await readFile(other, "utf8"), holder({ pid: process.ppid }));
});

testUnless(
  noProc,
  "a process that has ended is gone, also while nobody has asked how",
  async () => {
    const parent = spawn("sh", ["-c", "sh -c : & echo $!; exec sleep 60"]);
    try {
      const [line] = await once(parent.stdout, "data");
      const pid = Number(String(line));
      // Its parent is a `sleep` now, which never asks.
      await eventually("it has ended", () => startOf(pid) === undefined);
      assert.ok(isGone({ pid, host: os.hostname(), start: "1" }));
    } finally {
      process.kill(parent.pid as number, "SIGKILL");
    }
  },
);

function acquire(workspace: Workspace): Promise<Lock> {
  return Lock.acquire(workspace.at("lock"), "the thing");
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
