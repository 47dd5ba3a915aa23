/** Whether a process was started with SIGHUP ignored, found out in both ways. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "../lib/test.ts";

for (const [isIgnored, setting] of [[true, "trap '' HUP;"], [false, ""]] as const) {
  test(`a process that was started with SIGHUP ${isIgnored ? "" : "not "}ignored knows that`, () => {
    const script = fileURLToPath(new URL("../fixtures/prints_hangup.ts", import.meta.url));
    const args = process.versions.bun ? ["run", script] : ["run", "-A", "--quiet", script];
    const shell = ["-c", `${setting} exec "$@"`, "sh", process.execPath, ...args];
    const printed = execFileSync("sh", shell, { encoding: "utf8" });
    assert.equal(printed, `${isIgnored} ${isIgnored}\n`);
  });
}
