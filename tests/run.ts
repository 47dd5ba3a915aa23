/**
 * Runs tests on Deno: `deno task test`, with folders or files if not all shall run, and options of `deno test`.
 *
 * Each group of files has a process of its own. Threads of one process would be simpler, and took more CPU time:
 * a process with the memory of all tests starts others slowly.
 */

import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import process from "node:process";
import { formatDuration } from "../system/format.ts";
import { bundled } from "./lib/bundle.ts";
import { ROOT } from "./lib/sources.ts";
import { testGroups } from "./lib/test_groups.ts";

/** Tests mostly wait, so that more of them than CPUs run side by side. */
const SIDE_BY_SIDE = 6;

/** Examples in comments are tests, too. */
const EXAMPLES = ["--doc", "--ignore=tests/**/*_test.ts", "."];

/** The last line of `deno test`. */
const SUMMARY =
  /^(?:ok|FAILED) \| (\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?: \(\d+ steps?\))?(?: \| (\d+) ignored)?.*\n/m;

/** The line of a test that has failed. */
const FAILED_TEST = /^.+ \.\.\. FAILED\b.*$/gm;

/** How the tests of one process ended. */
interface Ended {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
  /** What has failed, a line each. */
  readonly failures: readonly string[];
}

const startedAtMs = performance.now();
const running = new Set<ChildProcess>();
let isStopped = false;
process.on("SIGINT", () => isStopped = true); // a terminal sends it to the tests, too
process.on("SIGTERM", () => {
  isStopped = true;
  for (const tests of running) tests.kill();
});

const { options, paths } = await parted(process.argv.slice(2));
const groups = await testGroups(paths.length > 0 ? paths : ["tests"]);
const hasTypes = options.includes("--no-check") || await checkTypes(groups);
process.env.DISTCOMP_TEST_BUNDLE = await bundled();
if (!hasTypes || !report(await runAll())) process.exitCode = 1;

/** The arguments that name files and folders, and the others, which are for `deno test`. */
async function parted(words: readonly string[]): Promise<{ options: string[]; paths: string[] }> {
  const options: string[] = [];
  const paths: string[] = [];
  for (const word of words) {
    const isPath = !word.startsWith("-") && await stat(word).then(() => true, () => false);
    (isPath ? paths : options).push(word);
  }
  return { options, paths };
}

/** Checks the types of all groups at once, as they import much of the same. Whether they are right. */
async function checkTypes(groups: readonly string[]): Promise<boolean> {
  const { code, text } = await deno(["check", "--quiet", ...groups]);
  process.stdout.write(text);
  return code === 0;
}

/** Runs all groups, some of them side by side. */
async function runAll(): Promise<Ended[]> {
  const todo = groups.map((group) => [group]);
  if (paths.length === 0) todo.push(EXAMPLES);
  const left = todo.values();
  const ended: Ended[] = [];
  const runThem = async () => {
    for (const words of left) {
      if (isStopped) return;
      ended.push(await runOne(words));
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, runThem));
  return ended;
}

/** Runs one group, and then prints what it has printed: lines of several would be mixed otherwise. */
async function runOne(words: readonly string[]): Promise<Ended> {
  const { code, end, text } = await deno(["test", "-A", "--no-check", ...options, ...words]);
  const summary = SUMMARY.exec(text);
  process.stdout.write(summary ? text.replace(summary[0], "") : text);
  const [passed = 0, failed = 0, ignored = 0] = [1, 2, 3].map((at) => Number(summary?.[at] ?? 0));
  if (code === 0 && summary) return { passed, failed, ignored, failures: [] };
  // Tests have failed, or something outside of them.
  const failures = text.match(FAILED_TEST) ?? [`${words.join(" ")} ... FAILED (${end})`];
  return { passed, failed: Math.max(1, failed), ignored, failures };
}

/** Runs `deno` to its end. */
async function deno(
  words: readonly string[],
): Promise<{ code: number | null; end: string; text: string }> {
  const child = spawn(process.execPath, words, {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1" }, // Deno colors also what goes to a pipe
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  const parts: Uint8Array[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => parts.push(part));
  const [code, signal] = await once(child, "close");
  running.delete(child);
  return { code, end: signal ?? `status ${code}`, text: Buffer.concat(parts).toString() };
}

/** Prints what all groups come to. Whether all tests have passed. */
function report(all: readonly Ended[]): boolean {
  const total = (key: "passed" | "failed" | "ignored") =>
    all.reduce((sum, ended) => sum + ended[key], 0);
  const failures = all.flatMap((ended) => ended.failures);
  if (failures.length > 0) console.log(["\nFailed:", ...failures].join("\n"));
  const word = failures.length > 0 || isStopped ? "FAILED" : "ok";
  const counts = `${total("passed")} passed | ${total("failed")} failed | ${
    total("ignored")
  } ignored`;
  console.log(`\n${word} | ${counts} (${formatDuration(performance.now() - startedAtMs)})`);
  return word === "ok";
}
