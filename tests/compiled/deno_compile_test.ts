/**
 * What `deno compile` puts into the executable. Its base runtime cannot be downloaded everywhere, and what
 * it embeds does not depend on it: here Deno itself stands in its place, and the result is not started.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { testUnless } from "../lib/executables.ts";

const NOT_ON_DENO = process.versions["deno"] ? undefined : "these tests are run by Deno";
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What is embedded today, and a tenth more. One package too many would be more than that. */
const EMBEDDED_MB_MAX = 12;

testUnless(
  NOT_ON_DENO,
  "deno compile embeds our modules and the few packages they use, and nothing else",
  () => {
    inFolder((folder) => {
      const { status, stdout, stderr } = compile(folder, ["--split", "--list"]);
      assert.equal(status, 0, stderr);
      const [program = "", worker = "", controller = ""] = stdout.split(/^Compile .*\n/m).slice(1);
      assert.deepEqual(ours(program), [
        ...["check", "cli", "cli.ts", "controller", "core", "deno.json", "include", "link"],
        ...[
          "package.json",
          "page",
          "pool",
          "protocol",
          "report",
          "runtime",
          "security",
          "slot",
          "system",
          "templates",
          "up",
          "watch",
          "web",
          "worker",
        ],
      ]);
      assert.deepEqual(packages(program), usedPackages());
      assert.ok(embeddedMb(program) < EMBEDDED_MB_MAX, `${embeddedMb(program)} MB`);
      assert.ok(!ours(controller).includes("worker"), "a controller holds no worker");
      assert.doesNotMatch(worker, /^[├└]─[─┬] controller(\/\*)? /m, "a worker holds no controller");
    });
  },
);

testUnless(
  NOT_ON_DENO,
  "a build that fails leaves no executable, and says why in a sentence",
  () => {
    inFolder((folder) => {
      const { status, stderr } = compile(folder, ["--target", "linux-x64-musl"]);
      assert.equal(status, 1);
      assert.equal(stderr, "compile.sh: deno has no target linux-x64-musl; use --runtime bun\n");
      assert.deepEqual(readdirSync(folder), []);
    });
  },
);

function compile(folder: string, args: readonly string[]) {
  return spawnSync(join(ROOT, "compile.sh"), ["--runtime", "deno", "-o", folder, ...args], {
    env: { ...process.env, DENORT_BIN: process.execPath },
    encoding: "utf8",
  });
}

/** The names of distcomp's own files at the top of an embedded tree. */
function ours(listing: string): string[] {
  const names = [...listing.matchAll(/^[├└]─[─┬] ([^\s/]+)/gm)].map(([, name]) => name as string);
  return names.filter((name) => name !== ".deno_compile_node_modules").sort();
}

/** The names below `node_modules` in an embedded tree. */
function packages(listing: string): string[] {
  const names = [
    ...listing.matchAll(/^│ {3}[├└]── ((?:@[^/\s]+\/)?[^/\s]+)(?:\/[\d.]+)?\/\* \(/gm),
  ];
  return names.map(([, name]) => name as string).sort();
}

/** The packages that the program uses, and those that they use. */
function usedPackages(): string[] {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const { npm } = JSON.parse(readFileSync(join(ROOT, "deno.lock"), "utf8"));
  const used = new Set<string>(Object.keys(dependencies));
  for (const name of used) { // also over those that it adds
    const [, locked] = Object.entries<{ dependencies?: string[] }>(npm)
      .find(([key]) => key.startsWith(`${name}@`)) ?? [];
    for (const other of locked?.dependencies ?? []) used.add(other);
  }
  return [...used].sort();
}

function embeddedMb(listing: string): number {
  return Number(/^Files: ([\d.]+)MB$/m.exec(listing)?.[1]);
}

function inFolder(act: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "dc-compile-"));
  try {
    act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
