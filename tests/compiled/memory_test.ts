/** The memory of an idle worker of the executable. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { childrenOf, usageOf } from "../../bench/processes.ts";
import { compiled, testUnless } from "../lib/executables.ts";
import { eventually } from "../lib/processes.ts";

const SLOTS = 2;

/** Three processes; one that does nothing but wait takes 27 MB. */
const IDLE_MB_MAX = 120;

testUnless(
  existsSync("/proc/self/stat") ? undefined : "this system has no /proc",
  `an idle worker of the executable and its ${SLOTS} slots take at most ${IDLE_MB_MAX} MB in all`,
  async () => {
    const worker = spawn(join(await compiled(), "distcomp"), [
      ...["worker", "--listen", "127.0.0.1:0", "--slots", String(SLOTS)],
    ], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      await once(worker.stdout, "data"); // it listens
      await eventually(`the worker and ${SLOTS} slots are small`, () => {
        const pids = [worker.pid as number, ...childrenOf(worker.pid as number)];
        const sumMb = pids.reduce((sum, pid) => sum + usageOf(pid).rssMb, 0);
        return pids.length === 1 + SLOTS && sumMb <= IDLE_MB_MAX;
      });
    } finally {
      process.kill(worker.pid as number, "SIGTERM");
      await once(worker, "exit");
    }
  },
);
