/** The permissions that `compile.sh` grants are sufficient, and the controller has no unneeded ones. */

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { core } from "../lib/cores.ts";
import { testUnless } from "../lib/executables.ts";

const NOT_ON_DENO = process.versions["deno"] ? undefined : "only Deno has permissions";
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Not tried: it gives nothing, or a controller without it tries for ten seconds to dial. */
const UNTRIED = ["--no-prompt", "--allow-net"];

type Role = "WORKER" | "CONTROLLER";

testUnless(
  NOT_ON_DENO,
  "a controller and a worker work together with the permissions of their executables",
  async () => {
    assert.equal(await runTogether(permissionsOf("WORKER"), permissionsOf("CONTROLLER")), "");
  },
);

testUnless(
  NOT_ON_DENO ?? (process.platform === "linux" ? undefined : "elsewhere all use the key"),
  "a worker finds the run of its user that listens, although the controller's executable cannot see users",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "dc-permissions-"));
    const run = spawn(process.execPath, [
      ...runWith(permissionsOf("CONTROLLER"), "cli/distcomp_controller.ts"),
      ...["run", await core("behave"), "--repeat=10", "--listen", "127.0.0.1:0", "-o", folder],
    ], { stdio: ["ignore", "pipe", "pipe"] });
    const ended = once(run, "exit");
    let worker: ReturnType<typeof spawn> | undefined;
    try {
      let address: string | undefined;
      for await (const line of createInterface(run.stderr)) {
        address = /(127\.0\.0\.1:\d+)/.exec(line)?.[1];
        if (address) break;
      }
      assert(address, "the run says where it listens");
      worker = spawn(process.execPath, [
        ...runWith(permissionsOf("WORKER"), "cli/distcomp_worker.ts"),
        ...["worker", "--connect", address],
      ], { stdio: "ignore" });
      assert.deepEqual(await ended, [0, null]);
      assert.equal(readFileSync(join(folder, "000009"), "utf8"), "9");
    } finally {
      if (run.exitCode === null) run.kill("SIGKILL");
      if (worker) {
        const workerEnded = once(worker, "exit");
        worker.kill("SIGTERM");
        await workerEnded;
      }
      rmSync(folder, { recursive: true });
    }
  },
);

testUnless(
  NOT_ON_DENO,
  "the controller's executable gets no permission that it could do without",
  async () => {
    const permissions = permissionsOf("CONTROLLER");
    for (const lacking of permissions.filter((one) => !UNTRIED.includes(one))) {
      const rest = permissions.filter((one) => one !== lacking);
      assert.match(await runTogether(permissionsOf("WORKER"), rest), /requires/i, lacking);
    }
  },
);

testUnless(
  NOT_ON_DENO ?? (existsSync("/dev/shm") ? undefined : "this system has no /dev/shm"),
  "the program's executable can use /dev/shm, which Deno shows only to those who may do all",
  async () => {
    const folder = mkdtempSync("/dev/shm/dc-permissions-");
    try {
      execFileSync(process.execPath, [
        ...runWith(permissionsOf("WORKER"), "cli.ts"),
        ...["run", await core("behave"), "--repeat=10", "-o", folder],
      ], { stdio: "pipe" });
      assert.equal(readFileSync(join(folder, "000009"), "utf8"), "9");
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

testUnless(NOT_ON_DENO, "with a controller's permissions no library can be loaded", async () => {
  const path = JSON.stringify(await core("echo"));
  const script = `import { openCore } from "./runtime/deno/ffi.ts"; openCore(${path});`;
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

/** Runs ten jobs. Returns the error, if there was one. */
async function runTogether(
  workerPermissions: readonly string[],
  controllerPermissions: readonly string[],
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "dc-permissions-"));
  const worker = spawn(process.execPath, [
    ...runWith(workerPermissions, "cli/distcomp_worker.ts"),
    ...["worker", "--listen", "127.0.0.1:0"],
  ], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(worker, "exit");
  try {
    const said = await firstLine(worker.stdout) ?? await firstLine(worker.stderr) ?? "nothing";
    const address = /^listening on (\S+),/.exec(said)?.[1];
    if (!address) return said;
    const run = spawnSync(process.execPath, [
      ...runWith(controllerPermissions, "cli/distcomp_controller.ts"),
      ...["run", await core("behave"), "--repeat=10", "--workers", address, "-o", folder],
    ], { encoding: "utf8" });
    if (run.status !== 0) return run.stderr;
    assert.equal(readFileSync(join(folder, "000009"), "utf8"), "9");
    return "";
  } finally {
    if (worker.exitCode === null) process.kill(worker.pid as number, "SIGTERM");
    await ended;
    rmSync(folder, { recursive: true });
  }
}

async function firstLine(stream: Readable): Promise<string | undefined> {
  for await (const line of createInterface(stream)) return line;
  return undefined;
}

function runWith(permissions: readonly string[], entry: string): string[] {
  return ["run", ...permissions, "--quiet", join(ROOT, entry)];
}

/** The permissions in compile.sh. */
function permissionsOf(role: Role): string[] {
  const text = readFileSync(join(ROOT, "compile.sh"), "utf8");
  const list = new RegExp(`^${role}_PERMISSIONS=\\((.*)\\)$`, "m").exec(text)?.[1] as string;
  return list.split(" ");
}
