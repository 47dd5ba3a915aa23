/** Which files are taken for the dump of a process, and what is said of one that is lost. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { silentLog } from "../../../system/log.ts";
import { test, testUnless } from "../../lib/test.ts";
import { CoreDumps, dumpPattern } from "../../../worker/slots/processes/core_dumps.ts";

test("a pattern of the system stands for the dump of one process", () => {
  const cases: [string, readonly string[], readonly string[]][] = [
    ["core", ["core", "core.42"], ["core.43", "score", "core.so"]],
    ["core.%p", ["core.42"], ["core.4", "core.421"]],
    ["%e-%p.%t", ["deno-42.1700000000"], ["deno-43.1700000000"]],
    ["100%%.%P", ["100%.42"], ["100.42"]],
  ];
  for (const [pattern, matches, others] of cases) {
    const names = dumpPattern(pattern, 42);
    for (const name of matches) assert(names.test(name), `${pattern}: ${name}`);
    for (const name of others) assert(!names.test(name), `${pattern}: ${name}`);
  }
});

testUnless(
  existsSync("/proc/self/cwd") ? undefined : "only Linux has core patterns",
  "a dump that cannot be kept is told, with its job and the reason, and nobody waits for it",
  async () => {
    const told: string[] = [];
    const dumps = new CoreDumps("/dumps", { ...silentLog, printed: (text) => told.push(text) });
    const gone = 2 ** 22 + 1; // there are no greater process ids than 4,194,304
    for (const index of [3, undefined]) {
      dumps.onConnected(gone);
      const taken = dumps.taken(gone);
      await dumps.onEnded(gone, index);
      await taken;
    }
    assert.deepEqual(told, ["cannot keep the core dump of job 3: no such file or folder"]);
  },
);
