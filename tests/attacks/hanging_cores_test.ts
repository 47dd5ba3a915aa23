/** Cores whose `worker_init` never returns, of many controllers at once. */

import assert from "node:assert/strict";
import os from "node:os";
import { Keys } from "../lib/connections.ts";
import { core } from "../lib/cores.ts";
import { startWorker } from "../lib/processes.ts";
import { slowTest } from "../lib/test.ts";
import { connectWith, run } from "../worker/controllers.ts";
import { assertKept, Attacker, HonestRun } from "./attack.ts";

const SLOTS = 2;

/** The slots, processes that try cores, and those that are just ending or starting. */
const PROCESSES_MAX = SLOTS + 4 + 6;

/** Whether a process has a low priority, or is gone. */
function isNice(pid: number): boolean {
  try {
    return os.getPriority(pid) > os.getPriority();
  } catch {
    return true;
  }
}

const TITLES = {
  plain: "60 controllers whose cores never load take neither slots nor processes from others",
  secure:
    "60 controllers whose cores never load take neither slots nor processes from others, over TLS",
};

for (const way of ["plain", "secure"] as const) {
  slowTest(
    TITLES[way],
    async () => {
      await using keys = await Keys.make();
      const key = way === "secure" ? await keys.create() : undefined;
      await using worker = await startWorker({ slots: SLOTS, key });
      await using honest = await HonestRun.start(worker, SLOTS, key);
      const before = await honest.phase();
      const where = { port: worker.port, key };
      const hanging = await core("init_hangs");
      await using _attacker = await Attacker.start("hanging cores", where, 60, hanging);
      const during = await honest.phase(4_000);
      const processes = (await worker.descendants()).length;
      const slots = await worker.slots();
      assert(
        slots.filter(isNice).length >= slots.length - SLOTS,
        "others than slots give way to them",
      );
      assert(processes <= PROCESSES_MAX, `the worker has ${processes} processes`);
      assertKept(before, during);
      await using newcomer = await connectWith(worker, "echo");
      assert.equal(await run(newcomer, "a new core loads"), "a new core loads");
    },
  );
}
