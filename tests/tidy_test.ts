/** The house rules that a machine can check. See ARCHITECTURE.md and CONTRIBUTING.md. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "./lib/test.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What each folder may import of ours, beside itself. */
const ARROWS: Record<string, readonly string[]> = {
  protocol: [],
  pool: [],
  core: [],
  runtime: [],
  system: ["runtime"],
  link: ["protocol", "runtime"],
  slot: ["protocol", "runtime", "core"],
  worker: ["slot", "link", "pool", "protocol", "runtime", "system", "core"],
  controller: ["link", "pool", "protocol", "runtime", "system", "core"],
  cli: ["controller", "worker", "slot", "link", "runtime", "system", "deno.json"],
};

/** A longer file holds two ideas. */
const FILE_LINES_MAX = 420;

/** Folders that know no clock, no chance, no system. */
const PURE = ["protocol", "pool", "core"];
const IMPURE =
  /\b(Date|performance|setTimeout|setInterval|Math\.random|crypto|fetch|console)\b|"node:/;

interface SourceFile {
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  /** The same without comments. */
  readonly code: string;
}

test("folders import each other only along the arrows", () => {
  const wrong = sourceFiles().flatMap((file) =>
    importsOf(file)
      .filter((target) => target !== file.folder && !ARROWS[file.folder]?.includes(target))
      .map((target) => `${file.path} imports ${target}/`)
  );
  assert.deepEqual(wrong, []);
});

test("a runtime's own globals are written in runtime/ only", () => {
  const wrong = [...sourceFiles(), ...filesIn("tests"), ...filesIn("bench"), ...filesIn("examples")]
    .filter(({ folder, path }) =>
      folder !== "runtime" && !/^tests\/(tidy_test.ts|types\/)/.test(path)
    )
    .filter(({ code }) => /\b(Deno|Bun)\.|"bun:/.test(code))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test("the pure folders use no clock, no randomness and no system", () => {
  const wrong = sourceFiles()
    .filter(({ folder }) => PURE.includes(folder))
    .filter(({ code }) => IMPURE.test(code))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test("no file has grown beyond one idea", () => {
  const long = sourceFiles()
    .map(({ path, text }) => ({ path, lines: text.split("\n").length }))
    .filter(({ lines }) => lines > FILE_LINES_MAX);
  assert.deepEqual(long, []);
});

test("every file says at its beginning what it is", () => {
  const silent = sourceFiles().filter(({ text }) => !/^(\/\/\/ <reference .*\n)?\/\*\*/.test(text))
    .map(({ path }) => path);
  assert.deepEqual(silent, []);
});

function sourceFiles(): SourceFile[] {
  return Object.keys(ARROWS).flatMap((folder) => filesIn(folder));
}

function filesIn(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(ROOT, path), "utf8");
      const code = text.replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
      return { path, folder, text, code };
    });
}

/** The top-level folders (or files) of ours that a file imports. */
function importsOf({ path, code }: SourceFile): string[] {
  return [...code.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map(([, target]) => {
    const resolved = relative(ROOT, join(ROOT, dirname(path), target as string));
    return resolved.split("/")[0] as string;
  });
}
