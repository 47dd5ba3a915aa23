/** The executable ignores configuration files of its runtime in the working folder. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { core } from "../lib/cores.ts";
import { compiled, RUNTIME, test, testUnless } from "../lib/executables.ts";

const notBun = RUNTIME === "bun" ? undefined : "only Bun reads BUN_OPTIONS";

/** The file to which the intruder appends a line in each process that loads it. */
const TRACE = "loaded";
const INTRUDER = `require("node:fs").appendFileSync(${JSON.stringify(TRACE)}, "loaded\\n");\n`;

/** Settings of Bun and of Deno, each of which would load the intruder or break the program. */
const PLANTED: Readonly<Record<string, string>> = {
  "intruder.js": INTRUDER,
  "bunfig.toml": 'preload = ["./intruder.js"]\n',
  ".env": "DISTCOMP_WORKERS=127.0.0.1:1\nDISTCOMP_SPAWNED_AS=slot\nBUN_BE_BUN=1\n",
  ".env.local": "DISTCOMP_WORKERS=127.0.0.1:1\n",
  ".env.production": "DISTCOMP_WORKERS=127.0.0.1:1\n",
  "package.json": "this is no JSON\n",
  "tsconfig.json": "this is no JSON\n",
  "deno.json": "this is no JSON\n",
};

for (const name of ["distcomp", "distcomp-worker", "distcomp-controller"]) {
  test(`${name} loads no code that lies in the working folder`, async () => {
    const executable = join(await compiled(), name);
    inPlantedFolder((folder) => {
      const version = start(executable, ["--version"], folder);
      assert.equal(version.status, 0, version.stderr);
      assert.match(version.stdout, /^\d+\.\d+\.\d+ /);
      assert.equal(version.stderr, "");
      assert(!existsSync(join(folder, TRACE)), "nothing was loaded");
    });
  });
}

test("a run, its worker and its slots take no settings from the working folder", async () => {
  const executable = join(await compiled(), "distcomp");
  const echo = await core("echo");
  inPlantedFolder((folder) => {
    const run = start(executable, ["run", echo, "--repeat", "3", "--quiet"], folder);
    assert.deepEqual(run, { status: 0, stdout: "", stderr: "" });
    assert.equal(readFileSync(join(folder, "outputs/000002"), "utf8"), "2");
    assert(!existsSync(join(folder, TRACE)), "nothing was loaded");
  });
});

testUnless(
  notBun,
  "BUN_OPTIONS changes the process that it was set for, and not its worker and slots",
  async () => {
    const executable = join(await compiled(), "distcomp");
    const echo = await core("echo");
    inPlantedFolder((folder) => {
      const args = ["run", echo, "--repeat", "3", "--slots", "2", "--quiet"];
      const run = start(executable, args, folder, { BUN_OPTIONS: "--preload=./intruder.js" });
      assert.equal(run.status, 0, run.stderr);
      assert.equal(readFileSync(join(folder, TRACE), "utf8"), "loaded\n", "once: by the run");
    });
  },
);

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(
  executable: string,
  args: readonly string[],
  folder: string,
  more: Readonly<Record<string, string>> = {},
): Ended {
  const { status, stdout, stderr } = spawnSync(executable, args, {
    cwd: folder,
    env: { PATH: "/usr/bin:/bin", ...more },
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

function inPlantedFolder(act: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "dc-planted-"));
  try {
    for (const [name, text] of Object.entries(PLANTED)) writeFileSync(join(folder, name), text);
    act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
