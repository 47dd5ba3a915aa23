/** Floods of small messages: an honest run beside them keeps its rate, and a stranger's answers are bounded. */

import { startWorker } from "../lib/processes.ts";
import { slowTest } from "../lib/test.ts";
import { assertKept, Attacker, HonestRun } from "./attack.ts";

const SLOTS = 2;

for (const kind of ["unknown frames", "jobs without a core", "pings", "cancels"]) {
  slowTest(`a flood of ${kind} leaves an honest run its rate`, async () => {
    await using worker = await startWorker({ slots: SLOTS });
    await using honest = await HonestRun.start(worker, SLOTS);
    const before = await honest.phase();
    await using _attacker = await Attacker.start(kind, worker.port);
    assertKept(before, await honest.phase());
  });
}
