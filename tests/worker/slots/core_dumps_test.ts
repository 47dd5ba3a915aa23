/** Which files are taken for the dump of a process. */

import assert from "node:assert/strict";
import { test } from "../../lib/test.ts";
import { dumpPattern } from "../../../worker/slots/processes/core_dumps.ts";

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
