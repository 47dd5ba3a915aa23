/** The rules of the code base that a test can check. See ARCHITECTURE.md and CONTRIBUTING.md. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "./lib/test.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What everybody may import of a runtime. The rest of `runtime/` is for itself. */
const RUNTIME = ["runtime", "runtime/files", "runtime/network", "runtime/processes"];
const ALL_OF_RUNTIME = [...RUNTIME, "runtime/native", "runtime/deno", "runtime/bun"];

/** The folders that both worker and controller import. */
const LEVEL_1 = ["protocol", "pool", "core", ...RUNTIME, "system"];

const OUTPUT = ["controller/output", "controller/output/journal", "controller/output/pack"];
const INPUTS = ["controller/inputs", "controller/inputs/tar"];
const SLOTS = ["worker/slots", "worker/slots/processes", "worker/slots/transport"];

/** The folders of templates in a language. */
const LANGUAGES = ["c", "cpp", "cuda", "fortran", "go", "python", "rust", "rust/src", "zig"]
  .map((language) => `templates/${language}`);

/** What the folders of commands import beside what their command is about. */
const COMMANDS_SHARE = [
  "cli/display",
  "cli/options",
  "cli/program",
  "cli/terminal",
  "link",
  ...RUNTIME,
  "security",
  "system",
];

/** The folders of commands. */
const COMMANDS = ["run", "worker", "cores", "bench", "watching", "key", "up"]
  .map((folder) => `cli/${folder}`);

/**
 * What the files of each room may import of ours, beside the room itself: rooms, or single files. A folder's own
 * files are a room, and each of its folders is one.
 */
const ARROWS: Record<string, readonly string[]> = {
  "protocol": [],
  "pool": [],
  "core": [],
  "runtime": ALL_OF_RUNTIME,
  "runtime/files": ALL_OF_RUNTIME,
  "runtime/network": ALL_OF_RUNTIME,
  "runtime/processes": ALL_OF_RUNTIME,
  "runtime/native": ALL_OF_RUNTIME,
  "runtime/deno": ALL_OF_RUNTIME,
  "runtime/bun": ALL_OF_RUNTIME,
  "system": ["core", ...RUNTIME],
  "link": ["protocol", ...RUNTIME],
  "security": ["protocol", ...RUNTIME, "system", "link/accept_pace.ts"],
  // A slot calls the core, and shares memory with its worker.
  "slot": ["protocol", ...RUNTIME, "runtime/native"],
  "worker/cores": LEVEL_1,
  "worker/slots": [
    ...LEVEL_1,
    ...SLOTS,
    "link",
    "slot/protocol.ts",
    "worker/cores",
    "worker/job.ts",
  ],
  "worker/slots/processes": [
    ...LEVEL_1,
    "link",
    "slot/protocol.ts",
    "worker/cores",
    "worker/job.ts",
    "worker/slots/transport",
  ],
  "worker/slots/transport": [
    ...LEVEL_1,
    "link",
    "runtime/native/shared_memory.ts",
    "slot/protocol.ts",
    "slot/regions.ts",
    "slot/shared_layout.ts",
    "worker/job.ts",
  ],
  "worker/controllers": [...LEVEL_1, "link", "worker/cores", ...SLOTS, "worker/job.ts"],
  "worker": [
    ...LEVEL_1,
    "link",
    "security",
    "worker/cores",
    ...SLOTS,
    "worker/controllers",
  ],
  "controller/workers": [
    ...LEVEL_1,
    "link",
    "security/refused_error.ts",
    "controller/answer.ts",
    "controller/huge_outputs.ts",
  ],
  "controller/cluster": [
    ...LEVEL_1,
    "controller/workers",
    "controller/answer.ts",
    "controller/huge_outputs.ts",
    "link/compression_mode.ts",
  ],
  "controller/output": ["protocol", ...RUNTIME, "system", ...OUTPUT, "controller/huge_outputs.ts"],
  "controller/output/journal": ["protocol", ...RUNTIME, "system", "controller/output"],
  "controller/output/pack": ["protocol", ...RUNTIME, "system", ...OUTPUT],
  "controller/inputs": ["protocol", ...RUNTIME, "system", ...OUTPUT, "controller/cluster"],
  "controller/inputs/tar": ["protocol", ...RUNTIME, "system", ...OUTPUT, "controller/inputs"],
  "controller/session": [
    ...LEVEL_1,
    "link",
    "security",
    "controller/cluster",
    "controller/workers",
    "controller/printed_log.ts",
    "controller/run_errors.ts",
  ],
  "controller": [
    ...LEVEL_1,
    "link",
    "security",
    ...INPUTS,
    ...OUTPUT,
    "controller/cluster",
    "controller/workers",
  ],
  "check": [...LEVEL_1, "runtime/native/guarded_core.ts", "worker/cores"],
  // Starts and ends workers as processes of other systems, and knows nothing of what is inside of them.
  "up": [...RUNTIME, "system", "link/backoff.ts", "security/refused_error.ts"],
  // What a run or a worker is doing, for those who look at it from outside.
  "watch": [
    "protocol",
    ...RUNTIME,
    "system",
    "controller",
    "controller/cluster",
    ...INPUTS,
    ...OUTPUT,
  ],
  // The page of a run or a worker, and who may look at it.
  "web": [
    ...RUNTIME,
    "system",
    "link",
    "security",
    "watch/snapshot.ts",
    "page/uplot.ts",
    "web/page",
  ],
  // What all pages have in common.
  "page": [...RUNTIME, "system"],
  "report": ["protocol", ...RUNTIME, "system", ...OUTPUT],
  "report/page": [...RUNTIME, "system", "page", "report"],
  "templates": ["include", "templates/project", "templates/project/inputs", ...LANGUAGES],
  // The command line: each folder of a command knows what commands have in common, and no other command.
  "cli/program": [...RUNTIME, "system/shell_word.ts", "deno.json"],
  "cli/terminal": ["cli/program", ...RUNTIME, "system"],
  "cli/options": [
    "cli/program",
    "controller/failure_limit.ts",
    "controller/inputs/product.ts",
    "controller/workers/local_worker.ts",
    "link",
    "protocol",
    ...RUNTIME,
    "system",
    "up",
  ],
  "cli/display": [
    "cli/options",
    "cli/program",
    "cli/terminal",
    "controller",
    "controller/cluster",
    ...OUTPUT,
    "link",
    "protocol",
    ...RUNTIME,
    "security",
    "system",
    "watch",
    "web",
  ],
  "cli/run": [
    ...COMMANDS_SHARE,
    "controller",
    "controller/cluster",
    ...INPUTS,
    ...OUTPUT,
    "controller/workers",
    "up/executables.ts",
    "watch",
  ],
  "cli/worker": [
    ...COMMANDS_SHARE,
    "controller/workers/local_worker.ts",
    "protocol",
    "watch",
    "worker",
    "worker/cores",
    ...SLOTS,
  ],
  "cli/cores": [...COMMANDS_SHARE, "check", "protocol", "templates"],
  "cli/bench": [
    ...COMMANDS_SHARE,
    "check/trials.ts",
    "controller/run_errors.ts",
    "controller/cluster",
    "controller/workers",
  ],
  "cli/watching": [
    ...COMMANDS_SHARE,
    ...OUTPUT,
    "controller/workers/worker_question.ts",
    "report",
    "report/page",
    "watch",
  ],
  "cli/key": [...COMMANDS_SHARE, "core/signature.ts"],
  "cli/up": [...COMMANDS_SHARE, "up", "watch"],
  "cli/settings": COMMANDS_SHARE,
  // What shells and man know of the commands.
  "cli/help": [...COMMANDS_SHARE, ...COMMANDS],
  "cli": [
    ...COMMANDS_SHARE,
    ...COMMANDS,
    "cli/help",
    "cli/settings",
    "check/trial.ts",
    "slot",
  ],
};

/** The most lines of a file. A longer file contains two ideas. */
const FILE_LINES_MAX = 320;

/** Folders that use no clock, no randomness and no system. */
const PURE = ["protocol", "pool", "core"];
const IMPURE =
  /\b(Date|performance|setTimeout|setInterval|Math\.random|crypto|fetch|console)\b|"node:/;

/** All names of the system's time and randomness. */
const TIME_OR_CHANCE =
  /\b(performance\.|Date\.now|new Date\(\)|setTimeout|setInterval|Math\.random|randomBytes|randomUUID|getRandomValues)|"node:timers/;

/** Modules that connect to others, or start processes. */
const TRANSPORT = /"node:(net|tls|dgram|http|https|http2|child_process|worker_threads)"/;

interface SourceFile {
  readonly path: string;
  readonly room: string;
  readonly text: string;
  /** The same without comments. */
  readonly code: string;
}

test("files import each other only along the arrows between rooms", () => {
  const wrong = sourceFiles().flatMap((file) =>
    importsOf(file)
      .filter((target) => !mayImport(file.room, target))
      .map((target) => `${file.path} imports ${target}`)
  );
  assert.deepEqual(wrong, []);
});

test("no files import each other in a circle, of types either", () => {
  const imports = new Map(sourceFiles().map((file) => [file.path, importsOf(file)]));
  assert.deepEqual([...imports.keys()].flatMap((path) => circleFrom(path, imports) ?? []), []);
});

test("time and randomness are handed in: the system's own are written in runtime/ and cli/ only", () => {
  const wrong = sourceFiles()
    .filter(({ room }) => !/^(runtime|cli)(\/|$)/.test(room))
    .filter(({ code }) => TIME_OR_CHANCE.test(code))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test("connections and processes come from the runtime's ports, never from node: modules", () => {
  const wrong = sourceFiles()
    .filter(({ room }) => !/^runtime(\/|$)/.test(room))
    .filter(({ code }) => TRANSPORT.test(code))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test("a runtime's own globals are written in runtime/ only", () => {
  const wrong = [...sourceFiles(), ...filesIn("tests"), ...filesIn("bench"), ...filesIn("examples")]
    .filter(({ room, path }) =>
      !/^runtime(\/|$)/.test(room) && !/^tests\/(tidy_test.ts|types\/)/.test(path)
    )
    .filter(({ code }) => /\b(Deno|Bun)\.|"bun:/.test(code))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test("the pure folders use no clock, no randomness and no system", () => {
  const wrong = sourceFiles()
    .filter(({ room }) => PURE.includes(room))
    .filter(({ code }) => IMPURE.test(code))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test("no source file is longer than the limit", () => {
  const long = sourceFiles()
    .map(({ path, text }) => ({ path, lines: text.split("\n").length }))
    .filter(({ lines }) => lines > FILE_LINES_MAX);
  assert.deepEqual(long, []);
});

test("bytes are copied by new Uint8Array: slice() copies nothing if they are a Buffer of node", () => {
  const copying = sourceFiles().filter(({ text }) => text.includes(".slice()"))
    .map(({ path }) => path);
  assert.deepEqual(copying, []);
});

test("every file begins with a comment that says what it is", () => {
  const silent = sourceFiles().filter(({ text }) => !/^(\/\/\/ <reference .*\n)?\/\*\*/.test(text))
    .map(({ path }) => path);
  assert.deepEqual(silent, []);
});

test("what a file exports is named by another file, unless it is a type", () => {
  const files = [...sourceFiles(), ...["tests", "bench", "examples"].flatMap(filesIn)];
  const others = files.map(({ path, text }) => ({ path, words: new Set(text.match(/\w+/g)) }));
  const own = sourceFiles().flatMap(({ path, code }) =>
    [...code.matchAll(/^export (?:async )?(?:const|class|function\*?) (\w+)/gm)]
      .filter(([, name = ""]) => !others.some((file) => file.path !== path && file.words.has(name)))
      .map(([, name]) => `${path}: ${name}`)
  );
  assert.deepEqual(own, []);
});

test("who drops an error says why", () => {
  assert.deepEqual(sourceFiles().flatMap(droppedErrors), []);
});

function sourceFiles(): SourceFile[] {
  const folders = new Set(Object.keys(ARROWS).map((room) => room.split("/")[0] as string));
  return [...folders].flatMap(filesIn);
}

function filesIn(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(ROOT, path), "utf8");
      const code = text.replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
      return { path, room: dirname(path), text, code };
    });
}

/** The files of the project that a file imports. */
function importsOf({ path, code }: SourceFile): string[] {
  return [...code.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)]
    .map(([, target]) => join(dirname(path), target as string));
}

/**
 * Where errors are dropped without a reason. It is a comment: beside it, in its block, in front of its statement, or in
 * front of the function that consists of little else.
 */
function droppedErrors({ path, text }: SourceFile): string[] {
  const lines = text.split("\n");
  return lines.flatMap((line, at) => {
    if (!/\bcatch \{|\.catch\(\(\) =>/.test(line)) return [];
    const indent = /^ */.exec(line)?.[0] ?? "";
    const begin = line.includes("catch {") ? lastAbove(lines, at, `${indent}try {`) : at;
    const end = line.endsWith("{")
      ? lines.findIndex((l, i) => i > at && l.startsWith(`${indent}}`))
      : at;
    const within = lines.slice(at, end + 1).join("\n");
    const above = lines.slice(begin - 2, begin).map((text) => text.trim());
    const isTold = /\/\/ |\bthrow\b/.test(within) || above.some((text) => text.endsWith("*/")) ||
      above.at(-1)?.startsWith("//");
    return isTold ? [] : [`${path}:${at + 1}`];
  });
}

function lastAbove(lines: readonly string[], at: number, text: string): number {
  return lines.findLastIndex((line, index) => index < at && line.startsWith(text));
}

function mayImport(room: string, target: string): boolean {
  const targetRoom = dirname(target);
  if (targetRoom === room) return true;
  const allowed = ARROWS[room] ?? [];
  return allowed.includes(targetRoom) || allowed.includes(target);
}

/** The path of imports from a file back to itself, if there is one. */
function circleFrom(
  path: string,
  imports: ReadonlyMap<string, readonly string[]>,
): string | undefined {
  const ways = [[path]];
  const seen = new Set<string>();
  for (let way = ways.shift(); way; way = ways.shift()) {
    for (const target of imports.get(way.at(-1) as string) ?? []) {
      if (target === path) return [...way, path].join(" → ");
      if (!seen.has(target)) ways.push([...way, target]);
      seen.add(target);
    }
  }
  return undefined;
}
