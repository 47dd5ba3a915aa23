/** Floods of small messages: an honest run beside them keeps its rate, and a stranger's answers are bounded. */

import assert from "node:assert/strict";
import { Workspace } from "../cli/workspace.ts";
import { core } from "../lib/cores.ts";
import { startWorker } from "../lib/processes.ts";
import { slowTest } from "../lib/test.ts";
import { assertKept, Attacker, HonestRun } from "./attack.ts";

const SLOTS = 2;

const FLOODS = [
  ["a flood of unknown frames leaves an honest run its rate", "unknown frames"],
  ["a flood of jobs without a core leaves an honest run its rate", "jobs without a core"],
  [
    "a flood of jobs of a megabyte without a core leaves an honest run its rate",
    "large jobs without a core",
    2 ** 20,
  ],
  ["a flood of pings leaves an honest run its rate", "pings"],
  ["a flood of cancels of no job leaves an honest run its rate", "cancels"],
] as const;

for (const [title, kind, ...args] of FLOODS) {
  slowTest(title, async () => {
    await using worker = await startWorker({ slots: SLOTS });
    await using honest = await HonestRun.start(worker, SLOTS);
    const before = await honest.phase();
    await using _attacker = await Attacker.start(kind, worker.port, ...args);
    assertKept(before, await honest.phase());
  });
}

slowTest("a run that begins on a worker under a flood ends with all outputs", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/a": "one", "in/b": "two" });
  await using worker = await startWorker({ slots: SLOTS });
  await using _attacker = await Attacker.start("unknown frames", worker.port);
  const place = ["--workers", `127.0.0.1:${worker.port}`];
  const ended = await workspace.run(["run", await core("echo"), "in", ...place]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(await workspace.outputs(), { a: "one", b: "two" });
});
