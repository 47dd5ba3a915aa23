/** Who needs no key does not pay for X.509: its package is loaded on demand. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { page } from "../lib/pages.ts";
import { test } from "../lib/test.ts";

/** What is started or imported without a key. */
const ENTRIES = [
  ...["mod.ts", "cli.ts", "cli/command_line.ts", "cli/slot_entry.ts"],
  ...["cli/local_worker_entry.ts", "slot/slot_loop.ts", "check/trial.ts"],
];

test("the library, a slot and the command line load X.509 only when somebody uses a key", () => {
  for (const entry of ENTRIES) {
    const way = wayToX509([entry], new Set());
    assert.equal(way, undefined, way?.join(" → "));
  }
  assert(wayToX509(["security/key_credentials.ts"], new Set()), "this test would see it");
});

/** The files that lead from the last one of `way` to the package, by imports that run at once. */
function wayToX509(way: readonly string[], seen: Set<string>): readonly string[] | undefined {
  const path = way.at(-1) as string;
  if (seen.has(path)) return undefined;
  seen.add(path);
  const code = page(path).replace(/\/\*[^]*?\*\//g, "");
  for (const [, name = ""] of code.matchAll(/^(?:im|ex)port (?!type\b)[^;]*?from "([^"]+)";$/gm)) {
    if (name === "pkijs" || name === "asn1js") return way;
    const next = join(dirname(path), name);
    const found = name.endsWith(".ts") ? wayToX509([...way, next], seen) : undefined;
    if (found) return found;
  }
  return undefined;
}
