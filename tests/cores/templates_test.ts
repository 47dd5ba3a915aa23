/** The projects that `distcomp new` writes build with their compilers, run, and say why a job has failed. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { Workspace } from "../cli/workspace.ts";
import { slow, testUnless } from "../lib/test.ts";
import { type Language, LANGUAGES, type PlantedBug } from "./languages.ts";

const JOBS = 24;

for (const language of LANGUAGES) {
  const missing = language.missing ?? (language.isSlow ? slow : undefined);
  testUnless(
    missing,
    `the project of ${language.key} builds, runs, and says why a job fails`,
    () => tryProject(language),
  );
}

async function tryProject(language: Language): Promise<void> {
  await using workspace = await Workspace.make();
  const made = await workspace.run(["new", language.key, "sum"]);
  assert.equal(made.code, 0, made.stderr);
  await make(workspace, language);
  const samples = await workspace.run(["run", "sum/sum.so", "sum/inputs/"]);
  assert.equal(samples.code, 0, samples.stderr);
  const outputs = { "a.txt": "6.000\n", "b.txt": "0.750\n", "c.txt": "996.000\n" };
  assert.deepEqual(await workspace.outputs(), outputs);
  await tryWrongInput(workspace);
  if (language.bug) await tryBug(workspace, language, language.bug);
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

/** Builds the project. `-B`: a source may have changed within the resolution of the file system's times. */
async function make(workspace: Workspace, { make: options = [] }: Language): Promise<void> {
  await promisify(execFile)("make", ["-B", "-C", workspace.at("sum"), ...options]);
}
