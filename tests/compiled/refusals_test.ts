/** Errors of `compile.sh`: it prints the reason and leaves no files. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "../lib/executables.ts";

const COMPILE = fileURLToPath(new URL("../../compile.sh", import.meta.url));

/** A port of this machine that refuses connections. */
const NO_REGISTRY = "http://127.0.0.1:9";

test("wrong arguments are refused with a message, before anything is built", () => {
  inFolder((folder) => {
    for (const args of [["--target", "amiga"], ["--runtime", "node"], ["--fast"], ["--target"]]) {
      const said = refused(["-o", folder, ...args], 2);
      assert.match(said, new RegExp(args.at(-1) as string));
    }
    assert.deepEqual(readdirSync(folder), []);
  });
});

test("a folder that cannot be written to is named, before anything is built", () => {
  inFolder((folder) => {
    assert.equal(
      refused(["-o", "/proc/nowhere"], 2),
      'Cannot write to the folder "/proc/nowhere"',
    );
    mkdirSync(join(folder, "distcomp"));
    assert.equal(
      refused(["-o", folder], 1),
      `Cannot write "${folder}/distcomp": it is a folder`,
    );
    assert.equal(
      refused(["-o", folder], 1, { TMPDIR: "/proc/nowhere" }),
      "Cannot write to the folder for temporary files, /proc/nowhere",
    );
    assert.deepEqual(readdirSync(folder), ["distcomp"]);
  });
});

test("a tool that cannot be fetched is named", () => {
  inFolder((folder) => {
    const env = { npm_config_registry: NO_REGISTRY, npm_config_fetch_retries: "0" };
    for (const [runtime, tool] of [["deno", "@deno/\\S+"], ["bun", "@oven/bun-\\S+"]] as const) {
      assert.match(
        refused(["--runtime", runtime, "-o", folder], 1, env),
        new RegExp(`^Cannot get ${tool} \\S+ from the npm registry: .*ECONNREFUSED`),
      );
    }
    assert.deepEqual(readdirSync(folder), []);
  });
});

test("a package that cannot be fetched is named", () => {
  inFolder((folder) => {
    const env = { BUN_CONFIG_REGISTRY: NO_REGISTRY, BUN_INSTALL_CACHE_DIR: join(folder, "cache") };
    assert.match(
      refused(["--runtime", "bun", "-o", folder], 1, env),
      /^Cannot get the packages that distcomp uses: .*downloading/,
    );
    assert.ok(!readdirSync(folder).includes("distcomp"));
  });
});

test("a full disk leaves the previous executable", () => {
  inFolder((folder) => {
    const { status, stderr } = replaceOld(
      folder,
      "echo 'cp: x: No space left on device' >&2; exit 1",
    );
    assert.equal(status, 1);
    assert.equal(
      stderr,
      `compile.sh: Cannot write "${folder}/out/distcomp": No space left on device\n`,
    );
    assert.equal(readFileSync(join(folder, "out/distcomp"), "utf8"), "old");
    assert.deepEqual(readdirSync(join(folder, "out")), ["distcomp"]);
  });
});

test("an interrupted build leaves the previous executable, and says so", () => {
  inFolder((folder) => {
    const { status, stderr } = replaceOld(folder, 'echo ne > "$2"; kill -TERM $BUILD');
    assert.equal(status, 143);
    assert.equal(stderr, "compile.sh: Ended by a signal before all was built\n");
    assert.equal(readFileSync(join(folder, "out/distcomp"), "utf8"), "old");
    assert.deepEqual(readdirSync(join(folder, "out")), ["distcomp"]);
    assert.deepEqual(readdirSync(join(folder, "tmp")), []);
  });
});

test("a killed build leaves the previous executable, and the next build succeeds", () => {
  inFolder((folder) => {
    const killed = replaceOld(folder, 'echo ne > "$2"; kill -KILL $BUILD');
    assert.equal(killed.signal, "SIGKILL");
    assert.equal(readFileSync(join(folder, "out/distcomp"), "utf8"), "old");
    const next = replaceOld(folder, 'exec /bin/cp "$@"');
    assert.equal(next.status, 0, next.stderr);
    assert.equal(readFileSync(join(folder, "out/distcomp"), "utf8"), "new");
    assert.deepEqual(readdirSync(join(folder, "out")).sort(), [
      "SHA256SUMS",
      "distcomp",
      "distcomp.1",
    ]);
  });
});

/** Runs `compile.sh`, which must fail. Returns its error message. */
function refused(
  args: readonly string[],
  status: number,
  env: Record<string, string> = {},
): string {
  const ended = spawnSync(COMPILE, args, { env: { ...process.env, ...env }, encoding: "utf8" });
  assert.equal(ended.status, status, ended.stderr);
  assert.equal(ended.stdout, "");
  const said = /^compile\.sh: ([^\n]+)\n$/.exec(ended.stderr)?.[1];
  assert.ok(said, `one sentence, not "${ended.stderr}"`);
  return said;
}

/**
 * Builds where an executable stands already, with tools that make a file that says "new" at once. `copy`
 * is done, instead of what `cp` does, when that is put into its place; `$BUILD` is the process to hit.
 */
function replaceOld(folder: string, copy: string) {
  const bin = join(folder, "bin");
  for (const name of ["bin", "out", "tmp"]) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "out/distcomp"), "old");
  script(join(bin, "cp"), `case "$2" in *.unfinished) ${copy};; *) exec /bin/cp "$@";; esac`);
  // npm ci --prefix FOLDER …
  script(
    join(bin, "npm"),
    'tool=$3/$(sed -nE \'s/.*"(node_modules[^"]+)".*/\\1/p\' "$3/package-lock.json")/bin; ' +
      `mkdir -p "$tool"; /bin/cp ${bin}/bun "$tool"`,
  );
  script(
    join(bin, "bun"),
    'while [ $# -gt 1 ]; do [ "$1" != --outfile ] || printf new > "$2"; shift; done',
  );
  const args = ["--runtime", "bun", "-o", join(folder, "out")];
  return spawnSync("/bin/sh", ["-c", 'BUILD=$$ exec "$@"', "sh", COMPILE, ...args], {
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, TMPDIR: join(folder, "tmp") },
    encoding: "utf8",
  });
}

function script(path: string, line: string): void {
  writeFileSync(path, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
}

function inFolder(act: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "dc-refusals-"));
  try {
    act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
