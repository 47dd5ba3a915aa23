/** What a process loads before it does its work: with each module, all runs and slots start later. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { ROOT } from "./lib/sources.ts";

/** What every other process loads. */
const CHEAP = ["node:buffer", "node:os", "node:path", "node:process"];

/** `import … from "…"` and `export … from "…"`; the second group is the module. Imports of types load nothing. */
const IMPORT = /^(?:import|export) (?!type\b)(?:[^;"]*? from )?"([^"]+)";/gm;

test("a slot loads no module of its runtime: each takes milliseconds", () => {
  const entries = ["cli.ts", "cli/slot_entry.ts", "slot/slot_loop.ts"];
  for (const adapter of ["runtime/deno/ffi.ts", "runtime/bun/ffi.ts"]) {
    assert.deepEqual(runtimeModules([...entries, adapter]), [], adapter);
  }
});

test("the worker of a run loads no module of its runtime but those for files before its slots start", () => {
  const entries = ["cli/local_worker_entry.ts", "cli/worker/local_worker_command.ts"];
  for (const adapter of ["runtime/deno/adapter.ts", "runtime/bun/adapter.ts"]) {
    const others = runtimeModules([...entries, adapter]).filter(isDear);
    assert.deepEqual(
      others.filter((name) => !/^node:(fs|fs\/promises|url)$/.test(name)),
      [],
      adapter,
    );
  }
});

test("a run starts its worker before the code of runs, workers and other commands is loaded", () => {
  const loaded = loadedBy(["cli.ts", "cli/command_line.ts", "cli/run/launch.ts"]);
  assert.ok(loaded.has("controller/workers/local_worker.ts"));
  for (
    const later of [
      "cli/run/run_command.ts",
      "cli/run/opened_run.ts",
      "controller/run.ts",
      "worker/worker.ts",
      "cli/other_commands.ts",
      "string-width",
    ]
  ) {
    assert.ok(!loaded.has(later), later);
  }
});

function isDear(module: string): boolean {
  return module.startsWith("node:") && !CHEAP.includes(module);
}

function runtimeModules(entries: readonly string[]): string[] {
  return [...loadedBy(entries)].filter((name) => name.startsWith("node:")).sort();
}

/** The files of the project and the modules that are loaded with these files, without those that are imported later. */
function loadedBy(entries: readonly string[]): Set<string> {
  const loaded = new Set<string>();
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (loaded.has(path)) continue;
    loaded.add(path);
    if (path.endsWith(".ts")) waiting.push(...importsOf(path));
  }
  return loaded;
}

function importsOf(path: string): string[] {
  const code = readFileSync(join(ROOT, path), "utf8");
  return [...code.matchAll(IMPORT)]
    .filter(([text]) => !importsOnlyTypes(text))
    .map(([, name = ""]) => {
      return name.startsWith(".") ? relative(ROOT, join(ROOT, dirname(path), name)) : name;
    });
}

/** `import { type One, type Other } from "…"`. */
function importsOnlyTypes(text: string): boolean {
  const names = /^import \{([^}]*)\}/.exec(text)?.[1]?.split(",").map((name) => name.trim());
  return names?.every((name) => name === "" || name.startsWith("type ")) ?? false;
}
