/** Results that are kept to be compared, whole or as a hash. */

import assert from "node:assert/strict";
import { KeptResult, mayKeep } from "../../../controller/cluster/kept_result.ts";
import { test } from "../../lib/test.ts";

test("two results are the same if their exit codes and outputs are, whether the output is kept or its hash", () => {
  const result = { exitCode: 3, output: Uint8Array.of(1, 2) };
  const others = [
    { exitCode: 4, output: Uint8Array.of(1, 2) },
    { exitCode: 3, output: Uint8Array.of(1, 3) },
    { exitCode: 3, output: Uint8Array.of(1, 2, 0) },
  ];
  for (const keepsOutput of [true, false]) {
    const kept = new KeptResult(result, keepsOutput);
    assert.equal(kept.heldBytes, keepsOutput ? 2 : 0);
    assert(kept.equals({ exitCode: 3, output: Uint8Array.of(1, 2) }));
    for (const other of others) assert(!kept.equals(other), JSON.stringify(other));
  }
});

test("64 MiB of outputs are kept, and a single one may be larger", () => {
  const bytesMax = 64 * 1024 * 1024;
  assert(mayKeep(1, bytesMax - 1));
  assert(!mayKeep(2, bytesMax - 1));
  assert(mayKeep(bytesMax + 1, 0));
});
