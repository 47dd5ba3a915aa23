/** The projects that `distcomp new` writes build with their compilers, are sound, run, and say why a job has failed. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { Workspace } from "../cli/workspace.ts";
import { slow, slowTestUnless, testUnless } from "../lib/test.ts";
import { type Language, LANGUAGES, type PlantedBug } from "./languages.ts";

const JOBS = 24;

for (const language of LANGUAGES) {
  const missing = language.missing ?? (language.isSlow ? slow : undefined);
  testUnless(
    missing,
    `the project of ${language.key} builds, runs, and says why a job fails`,
    () => tryProject(language),
  );
  slowTestUnless(
    language.missing,
    `distcomp check finds nothing wrong with the project of ${language.key}`,
    () => checkProject(language),
  );
}

async function tryProject(language: Language): Promise<void> {
  await using workspace = await Workspace.make();
  await makeNew(workspace, language);
  const samples = await workspace.run(["run", "sum/sum.so", "sum/inputs/"]);
  assert.equal(samples.code, 0, samples.stderr);
  const outputs = { "a.txt": "6.000\n", "b.txt": "0.750\n", "c.txt": "996.000\n" };
  assert.deepEqual(await workspace.outputs(), outputs);
  await tryWrongInput(workspace);
  await tryLines(workspace);
  if (language.bug) await tryBug(workspace, language, language.bug);
}

async function checkProject(language: Language): Promise<void> {
  await using workspace = await Workspace.make();
  await makeNew(workspace, language);
  const { code, stdout } = await workspace.run(["check", "sum/sum.so", "sum/inputs/a.txt"]);
  assert.equal(code, 0, stdout);
  assert.doesNotMatch(stdout, /^failed/m);
}

/** One of many inputs is no list of numbers. */
async function tryWrongInput(workspace: Workspace): Promise<void> {
  const sums: Record<string, string> = {};
  for (let job = 0; job < JOBS; job++) {
    const numbers = Array.from({ length: job }, (_, index) => index + job / 8);
    await workspace.write(`in/${job}`, numbers.join("\n"));
    sums[job] = `${numbers.reduce((sum, number) => sum + number, 0).toFixed(3)}\n`;
  }
  await workspace.write("in/wrong", "1\ntwelve\n3\n");
  const run = await workspace.run(["run", "sum/sum.so", "in", "-o", "sums"]);
  assert.equal(run.code, 1, run.stderr);
  assert.match(run.stderr, /line 2: "twelve" is not a number/);
  assert.deepEqual(await workspace.outputs("sums"), sums);
  assert.equal(await exitCodeOf(workspace, "sums"), 1);
}

/** Lines that are no numbers, which the functions of a language may take for some. */
const NO_NUMBERS = ["", " ", "1 2", "1,2", "1;2", "/", "2*3", "20-1", "1\xff", "1\x002", "1e"];

/** Inputs that a language may read in a way of its own. No job may give a wrong sum. */
async function tryLines(workspace: Workspace): Promise<void> {
  await workspace.writeAll({
    "lines/windows": "1\r\n2\r\n",
    "lines/long": `${"0".repeat(2_000)}5\n`,
  });
  for (const [index, line] of NO_NUMBERS.entries()) {
    await workspace.write(`lines/wrong-${index}`, Buffer.from(`7\n${line}\n`, "latin1"));
  }
  const run = await workspace.run(["run", "sum/sum.so", "lines", "-o", "read"]);
  assert.equal(run.code, 1, run.stderr);
  const { long = "5.000\n", ...others } = await workspace.outputs("read");
  assert.equal(
    long,
    "5.000\n",
    "a core may have a limit, but takes no part of a line for the line",
  );
  assert.deepEqual(others, { windows: "3.000\n" });
  for (const index of NO_NUMBERS.keys()) {
    const told = new RegExp(`^wrong-${index}: .*(line 2: ".*" is not a number|invalid utf-8)`, "m");
    assert.match(run.stderr, told);
  }
}

/** A bug in the author's own part, for one of two inputs. */
async function tryBug(workspace: Workspace, language: Language, bug: PlantedBug): Promise<void> {
  const path = workspace.at(`sum/${bug.file}`);
  const source = await readFile(path, "utf8");
  assert(source.includes(bug.behind), `${bug.file} has a line\n${bug.behind}`);
  await writeFile(path, source.replace(bug.behind, bug.behind + bug.code));
  await make(workspace, language);
  await workspace.writeAll({ "two/bug": "bug\n", "two/good": "1\n" });
  const run = await workspace.run(["run", "sum/sum.so", "two", "-o", "bugs"]);
  assert.equal(run.code, 1, run.stderr);
  // Lines of the core may have something before them, such as the name of the job.
  assert.match(run.stderr, bug.text);
  assert.deepEqual(await workspace.outputs("bugs"), { good: "1.000\n" });
  assert.equal(await exitCodeOf(workspace, "bugs"), bug.isFatal ? undefined : 1);
}

/** The exit code of the failed job; `undefined` if it has ended its process. */
async function exitCodeOf(workspace: Workspace, folder: string): Promise<number | undefined> {
  const failed = (await workspace.records(folder)).filter(({ state }) => state === "failed");
  assert.equal(failed.length, 1);
  return failed[0]?.exitCode;
}

/** Writes the project, and builds it. */
async function makeNew(workspace: Workspace, language: Language): Promise<void> {
  const made = await workspace.run(["new", language.key, "sum"]);
  assert.equal(made.code, 0, made.stderr);
  await make(workspace, language);
}

/** Builds the project. `-B`: a source may have changed within the resolution of the file system's times. */
async function make(workspace: Workspace, { make: options = [] }: Language): Promise<void> {
  await promisify(execFile)("make", ["-B", "-C", workspace.at("sum"), ...options]);
}
