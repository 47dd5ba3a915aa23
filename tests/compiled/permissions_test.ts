/** The permissions that `compile.sh` gives to the executables are enough, and the controller's no more. */

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { core } from "../lib/cores.ts";
import { testUnless } from "../lib/test.ts";

const NOT_ON_DENO = process.versions["deno"] ? undefined : "only Deno has permissions";
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

testUnless(
  NOT_ON_DENO,
  "a controller and a worker work together with the permissions of their executables",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "dc-permissions-"));
    const worker = spawn(process.execPath, [
      ...runWith("WORKER", "cli/distcomp_worker.ts"),
      ...["worker", "--listen", "127.0.0.1:0", "--slots", "1"],
    ], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      const [line] = await once(createInterface(worker.stdout), "line") as [string];
      const address = /^listening on (\S+),/.exec(line)?.[1] as string;
      execFileSync(process.execPath, [
        ...runWith("CONTROLLER", "cli/distcomp_controller.ts"),
        ...["run", await core("behave"), "--repeat=10", "--workers", address, "-o", folder],
      ], { stdio: "pipe" });
      assert.equal(readFileSync(join(folder, "9"), "utf8"), "9");
    } finally {
      process.kill(worker.pid as number, "SIGTERM");
      await once(worker, "exit");
      rmSync(folder, { recursive: true });
    }
  },
);

testUnless(NOT_ON_DENO, "with a controller's permissions no library can be loaded", async () => {
  const path = JSON.stringify(await core("echo"));
  const script = `import { openCore } from "./runtime/deno_ffi.ts"; openCore(${path}).close();`;
  for (const [role, loads] of [["WORKER", true], ["CONTROLLER", false]] as const) {
    const { status, stderr } = spawnSync(
      process.execPath,
      ["run", ...permissionsOf(role), "--quiet", "-"],
      { cwd: ROOT, input: script, encoding: "utf8" },
    );
    assert.equal(status === 0, loads, stderr);
    if (!loads) assert.match(stderr, /Requires ffi access/);
  }
});

function runWith(role: "WORKER" | "CONTROLLER", entry: string): string[] {
  return ["run", ...permissionsOf(role), "--quiet", join(ROOT, entry)];
}

/** As compile.sh has them; a worker's begin with a controller's. */
function permissionsOf(role: "WORKER" | "CONTROLLER"): string[] {
  const text = readFileSync(join(ROOT, "compile.sh"), "utf8");
  const list = new RegExp(`^${role}_PERMISSIONS=\\((.*)\\)$`, "m").exec(text)?.[1] as string;
  const own = list.match(/--[a-z-]+/g) ?? [];
  return role === "WORKER" ? [...permissionsOf("CONTROLLER"), ...own] : own;
}
