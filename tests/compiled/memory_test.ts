/** The memory of an idle worker of the executable. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { childrenOf } from "../../bench/processes.ts";
import { compiled, testUnless } from "../lib/executables.ts";
import { eventually } from "../lib/processes.ts";

const SLOTS = 2;

/** On Linux, a shell beside the worker ends what is left if the worker is killed. */
const GUARDIANS = 1;

/** Three processes share the 45 MB of the executable that they use, and take 5 to 10 MB each. */
const IDLE_MB_MAX = 90;

testUnless(
  existsSync("/proc/self/smaps_rollup") ? undefined : "this system does not tell shared memory",
  `an idle worker of the executable and its ${SLOTS} slots take at most ${IDLE_MB_MAX} MB in all`,
  async () => {
    const worker = spawn(join(await compiled(), "distcomp"), [
      ...["worker", "--listen", "127.0.0.1:0", "--slots", String(SLOTS)],
    ], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      await once(worker.stdout, "data"); // it listens
      await eventually(`the worker and ${SLOTS} slots are small`, () => {
        const pids = [worker.pid as number, ...childrenOf(worker.pid as number)];
        const sumMb = pids.reduce((sum, pid) => sum + proportionalMb(pid), 0);
        return pids.length === 1 + SLOTS + GUARDIANS && sumMb <= IDLE_MB_MAX;
      });
    } finally {
      process.kill(worker.pid as number, "SIGTERM");
      await once(worker, "exit");
    }
  },
);

/** The memory of a process. What it shares with others counts in parts. */
function proportionalMb(pid: number): number {
  try {
    return fieldMb(`/proc/${pid}/smaps_rollup`, "Pss");
  } catch {
    // A worker is closed to others of its user. Its files are those of its slots.
    const status = `/proc/${pid}/status`;
    return fieldMb(status, "RssAnon") + fieldMb(status, "RssFile") / (1 + SLOTS);
  }
}

function fieldMb(path: string, name: string): number {
  const text = readFileSync(path, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]) / 1024;
}
