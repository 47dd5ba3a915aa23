/** `distcomp run` on a damaged journal: no damage ends a run, or makes it skip a job that it must run. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, truncate, writeFile } from "node:fs/promises";
import process from "node:process";
import { core } from "../../../lib/cores.ts";
import { test, testUnless } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { type Ended, Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");
const WORKER = await SharedWorker.start(BEHAVE);
const JOURNAL = "outputs/.distcomp/jobs.jsonl";
const JOBS = 6;

const noPipes = process.platform === "win32" ? "there are no named pipes" : undefined;

/** Lines of a later version of distcomp, and lines with checksums that this program did not make. */
const NEWER = [
  '{"v":2,"job":"a","crc":"3085fc73"}',
  '{"v":2,"job":"b","crc":"1ba8afb0"}',
  '{"v":2,"job":"c","crc":"02b39ef1"}',
];

/**
 * What happens to the journal, how many jobs run again, and what the run says of it. Which lines are read
 * after each kind of damage is tested where they are read.
 */
const DAMAGES: [string, (lines: string[]) => string, number, RegExp | undefined][] = [
  ["its last line is torn", (lines) => text(lines).slice(0, -30), 1, warning(1, "damaged")],
  [
    "two lines are garbage",
    (lines) => text(["x", "{}", ...lines.slice(2)]),
    2,
    warning(2, "damaged"),
  ],
  ["a block of it is zeros", (lines) => zeroed(text(lines), lines), 2, warning(1, "damaged")],
  [
    "a line is very long",
    (lines) => text(["y".repeat(40_000_000), ...lines.slice(1)]),
    1,
    warning(1, "damaged"),
  ],
  [
    "lines are of a newer version",
    (lines) => text([...lines.slice(1), ...NEWER]),
    1,
    warning(3, "from a newer version of distcomp"),
  ],
  ["no job is only in a line that cannot be read", (lines) => text(["x", ...lines]), 0, undefined],
  ["it is empty", () => "", JOBS, /^warning: the folder "outputs" has files, but no journal /],
  ["it is something else", () => "not\na\njournal", JOBS, warning(3, "damaged")],
];

for (const [what, damage, jobs, said] of DAMAGES) {
  test(`a run goes on with a journal when ${what}`, async () => {
    await using workspace = await finished();
    const lines = (await readFile(workspace.at(JOURNAL), "utf8")).trimEnd().split("\n");
    await workspace.write(JOURNAL, damage(lines));
    const run = await again(workspace);
    assert.equal(await executions(workspace), JOBS + jobs);
    if (said) assert.match(run.stderr, said);
    else assert.doesNotMatch(run.stderr, /warning/);
    assert.equal((await recorded(workspace)).size, JOBS, "what ran again is recorded");
    const args = ["run", BEHAVE, "in"];
    for (const extra of [[], ["--dry-run"]]) {
      const done = await workspace.run([...args, ...extra]);
      assert.doesNotMatch(done.stderr, /warning/, "nothing that is left to do was lost");
    }
  });
}

test("damage is told where jobs run again that it may be about, also in a dry run, and no longer after that", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "echo a", "in/b": "echo b", "in/c": "echo c" });
  await workspace.write("lines", "echo a\necho b\necho c\n");
  const runs = [
    [["in", "-o", "out"], "out/.distcomp"],
    [["--lines", "lines", "-o", "of lines"], "of lines/.distcomp"],
    [["--lines", "lines", "--pack", "x.jsonl"], "x.jsonl.distcomp"],
  ] as const;
  for (const [args, state] of runs) {
    assert.equal((await workspace.run(["run", BEHAVE, ...args])).code, 0);
    const journal = await readFile(workspace.at(`${state}/jobs.jsonl`), "utf8");
    const damaged = journal.replace('"input":', '"inpuT":').replace('"input":', '"inpuT":');
    await workspace.write(`${state}/jobs.jsonl`, damaged);
    const commands = [[["--dry-run"], 1], [[], 1], [["--dry-run"], 0], [[], 0]] as const;
    for (const [extra, warnings] of commands) {
      const run = await workspace.run(["run", BEHAVE, ...args, ...extra]);
      assert.equal(run.code, 0, run.stderr);
      const found = run.stderr.match(/warning: 2 journal lines are damaged; /g) ?? [];
      assert.equal(found.length, warnings, `${args} ${extra}`);
    }
  }
});

test("an old record is not used when damage hides a newer one of another core", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "", "in/b": "", "in/c": "" });
  const [one, two] = [await stamping("one"), await stamping("two")];
  assert.equal((await workspace.run(["run", one, "in"])).code, 0);
  // The second core's outputs have the same size, and its lines are the journal's last.
  assert.equal((await workspace.run(["run", two, "in/a", "in/b"])).code, 0);
  const path = workspace.at(JOURNAL);
  await writeFile(path, (await readFile(path, "utf8")).replace(/(\n.{40}).(.*\n)$/, "$1*$2"));
  const run = await workspace.run(["run", one, "in"]);
  assert.match(run.stderr, warning(1, "damaged"));
  assert.match(run.stdout, /\(1 from earlier runs\)/, "the one that the second core never touched");
  assert.deepEqual(await workspace.outputs(), { a: "one", b: "one", c: "one" });
});

test("after a torn last line, the next run's records are on lines of their own", async () => {
  await using workspace = await finished();
  const whole = await readFile(workspace.at(JOURNAL), "utf8");
  await truncate(workspace.at(JOURNAL), whole.length - 20);
  await again(workspace);
  const lines = (await readFile(workspace.at(JOURNAL), "utf8")).trimEnd().split("\n");
  const torn = JSON.parse(whole.trimEnd().split("\n").at(-1) ?? "");
  assert.throws(() => JSON.parse(lines.splice(JOBS - 1, 1)[0] ?? ""), SyntaxError);
  const inputs = lines.map((line) => JSON.parse(line).input);
  assert.equal(inputs.filter((input) => input === torn.input).length, 1);
});

test("a journal that is not a file is refused, and no files are left", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("outputs/.distcomp/jobs.jsonl/file", "");
  const run = await workspace.run(["run", BEHAVE, "--repeat", "1"]);
  assert.equal(run.code, 2);
  assert.match(run.stderr, /^distcomp: Cannot write the journal ".*": it is a folder\n$/);
  assert.deepEqual(await workspace.leftovers(), []);
});

testUnless(noPipes, "a journal without an end is refused, and nothing is left", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("outputs/.distcomp/.keep", "");
  execFileSync("mkfifo", [workspace.at(JOURNAL)]);
  const run = await workspace.run(["run", BEHAVE, "--repeat", "1"]);
  assert.equal(run.code, 2);
  assert.match(run.stderr, /^distcomp: Cannot write the journal ".*": it is not a file\n$/);
  assert.deepEqual(await workspace.leftovers(), [".keep"]);
});

/** A run of jobs that note in one file that they run. */
async function finished(): Promise<Workspace> {
  const workspace = await Workspace.make(WORKER);
  for (let index = 0; index < JOBS; index++) {
    await workspace.write(`in/${index}`, `count ${workspace.at("runs")}`);
  }
  await again(workspace);
  const lines = (await readFile(workspace.at(JOURNAL), "utf8")).split(/(?<=\n)/);
  const records = lines.filter((line) => line.includes('"input":')); // without those about the run
  await workspace.write(JOURNAL, records.join(""));
  return workspace;
}

async function again(workspace: Workspace): Promise<Ended> {
  const run = await workspace.run(["run", BEHAVE, "in"]);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(Object.keys(await workspace.outputs()).length, JOBS);
  return run;
}

/** The inputs of the records that can be read. */
async function recorded(workspace: Workspace): Promise<Set<string>> {
  const lines = (await readFile(workspace.at(JOURNAL), "utf8")).split("\n");
  return new Set(lines.flatMap((line) => /^\{"v":1,.*"input":"(\d)".*\}$/.exec(line)?.[1] ?? []));
}

function stamping(stamp: string): Promise<string> {
  return core("version_stamp", { STAMP: JSON.stringify(stamp) });
}

async function executions(workspace: Workspace): Promise<number> {
  return (await readFile(workspace.at("runs"), "utf8")).split("\n").length - 1;
}

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** Two lines' worth of zeros, from the middle of one into the middle of the next. */
function zeroed(journal: string, lines: readonly string[]): string {
  const [from, length] = [100, lines[0]?.length ?? 0];
  return journal.slice(0, from) + "\0".repeat(length) + journal.slice(from + length);
}

function warning(count: number, what: string): RegExp {
  const lines = count === 1 ? "1 journal line is" : `${count} journal lines are`;
  return new RegExp(`^warning: ${lines} ${what}; jobs recorded only there run again`, "m");
}
