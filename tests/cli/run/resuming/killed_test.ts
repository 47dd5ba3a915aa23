/** `distcomp run` that is killed at various moments, and then repeated. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { access, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { core } from "../../../lib/cores.ts";
import { eventually, type Program } from "../../../lib/processes.ts";
import { programTest, test } from "../../../lib/test.ts";
import { type JobRecord, Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");

/** A second's work for two slots: each third job sleeps a little, the others note that they run. */
const JOBS = 240;
const SLEEP_MS = 30;

/** When a run is killed. Each run goes on where the one before it was killed. */
const MOMENTS: [string, (workspace: Workspace) => Promise<boolean>][] = [
  ["it has its lock", (workspace) => exists(workspace, "outputs/.distcomp/lock")],
  ["it has its journal", (workspace) => exists(workspace, "outputs/.distcomp/jobs.jsonl")],
  ["there is an output", async (workspace) => await outputCount(workspace) > 0],
  ["there is a record", async (workspace) => (await recorded(workspace)).size > 0],
  ["a fifth is recorded", async (workspace) => (await recorded(workspace)).size > JOBS / 5],
  ["half of the outputs are there", async (workspace) => await outputCount(workspace) > JOBS / 2],
  ["most is recorded", async (workspace) => (await recorded(workspace)).size > 0.7 * JOBS],
];

programTest(
  "a run that is killed again and again completes in the end, with every output right",
  async () => {
    await using workspace = await prepared();
    for (const [moment, isReached] of MOMENTS) {
      const before = await recorded(workspace);
      const ranBefore = await executions(workspace);
      await using program = await start(workspace);
      await eventually(moment, () => isReached(workspace));
      await program.kill();
      await gone(program);
      await assertNotRunAgain(workspace, before, ranBefore, moment);
      const outputs = await workspace.outputs().catch((): Record<string, string> => ({}));
      for (const name of await recorded(workspace)) assert(outputs[name], `${name} has its output`);
    }
    const before = await recorded(workspace);
    const ranBefore = await executions(workspace);
    const run = await workspace.run(["run", BEHAVE, "in", "--slots", "2"]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(
      run.stderr,
      new RegExp(`^earlier runs: ${before.size} jobs? done$`, "m"),
    );
    assert.match(
      run.stdout,
      new RegExp(`^${JOBS} jobs done in .* \\(${before.size} from earlier runs\\)`),
    );
    await assertNotRunAgain(workspace, before, ranBefore, "to its end");
    assert.deepEqual(await workspace.outputs(), expected());
    assert.deepEqual(await workspace.leftovers(), []);
    const found = await records(workspace);
    assert.equal(new Set(found.map(({ input }) => input)).size, JOBS);
    // The checksum is that of the text, in which a number may end with zeros.
    const different = new Set(found.map(({ crc: _, ...facts }) => JSON.stringify(facts)));
    assert.equal(different.size, JOBS, "no job has a record that is not the one that it had");
  },
);

test("the next run removes a killed run's temporary files, and takes its lock over silently", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", `huge 1000\n${"sleep 600000\n".repeat(2)}`);
  const args = ["run", BEHAVE, "--lines", "lines", "--slots", "2"];
  await using program = await workspace.start(args);
  await eventually("the first output", () => exists(workspace, "outputs/000000"));
  await program.kill();
  await gone(program);
  const left = (await workspace.leftovers()).filter((name) => !name.startsWith("live.json")).sort();
  assert.deepEqual(left, ["lock", `unfinished-${program.pid}`]);
  await workspace.write("outputs/.distcomp/live.json.new", "half a rec");
  await workspace.write(`outputs/.distcomp/unfinished-${program.pid}/17`, "half an outp");
  const claim = await workspace.write("outputs/.distcomp/lock.0123.claim", "");
  await utimes(claim, 0, 0); // it is not just being written
  await workspace.write("lines", "huge 1000\necho 1\necho 2\n");
  const run = await workspace.run(args);
  assert.equal(run.code, 0, run.stderr);
  assert.doesNotMatch(run.stderr, /lock|process/);
  assert.deepEqual(await workspace.leftovers(), []);
});

test("after a killed run with --fresh, failed jobs leave no outputs of the runs before it", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/a": "echo 1", "in/b": "echo 1", "in/c": "echo 1" });
  await workspace.write("outputs/d", "of the user");
  const args = ["run", BEHAVE, "in", "--slots", "1"];
  assert.equal((await workspace.run(args)).code, 0);
  const changed = { "in/a": "echo 2", "in/b": "sleep 600000", "in/c": "code 3", "in/d": "code 3" };
  await workspace.writeAll(changed);
  await using program = await workspace.start([...args, "--fresh"]);
  await eventually("the first record", async () => {
    return (await workspace.outputs())["a"] === "2" && (await recorded(workspace)).has("a");
  });
  await program.kill();
  await gone(program);
  await workspace.write("in/b", "code 3");
  const run = await workspace.run(args);
  assert.match(run.stdout, /^1 of 4 jobs done \(1 from earlier runs\), 3 failed, /);
  assert.deepEqual(await workspace.outputs(), { a: "2", d: "of the user" });
});

test("outputs of a killed run with other inputs are not taken for those of this run", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ one: "echo 1\necho a\n", two: "echo 2\nsleep 600000\n" });
  const run = (lines: string) => ["run", BEHAVE, "--lines", lines, "--slots", "2"];
  assert.equal((await workspace.run(run("one"))).code, 0);
  await using program = await workspace.start(run("two"));
  await eventually("it has replaced an output", async () => {
    return (await workspace.outputs())["000000"] === "2";
  });
  await program.kill();
  await gone(program);
  await forget(workspace, (line) => line.includes('"run":"begun"'));
  const again = await workspace.run(run("one"));
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /\(1 from earlier runs\)/);
  assert.deepEqual(await workspace.outputsByNumber(), { 0: "1", 1: "a" });
});

test("outputs of a killed run with another core are not taken for those of this run", async () => {
  await using workspace = await Workspace.make();
  // Both cores' outputs have the same size: only the content tells whose it is.
  await workspace.writeAll({ "in/a": "modify x", "in/b": "sleep 600000", "in/c": "modify y" });
  const echo = await core("echo");
  assert.equal((await workspace.run(["run", echo, "in"])).code, 0);
  for (const [input, output] of [["a", "MODIFY X"], ["c", "MODIFY Y"]] as const) {
    await using program = await workspace.start([
      ...["run", BEHAVE, `in/${input}`, "in/b", "--slots", "2"],
    ]);
    await eventually("it has replaced an output", async () => {
      return (await workspace.outputs())[input] === output;
    });
    await program.kill();
    await gone(program);
    const key = createHash("sha256").update(await readFile(BEHAVE)).digest("hex");
    await forget(workspace, (line) => !line.includes(key));
  }
  const run = await workspace.run(["run", echo, "in"]);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await workspace.outputs(), {
    a: "modify x",
    b: "sleep 600000",
    c: "modify y",
  });
  assert.match(
    run.stdout,
    /\(1 from earlier runs\)/,
    "what is as it was recorded does not run again",
  );
});

async function prepared(): Promise<Workspace> {
  const workspace = await Workspace.make();
  await workspace.write("runs/.keep", "");
  for (let index = 0; index < JOBS; index++) {
    const counts = `count ${workspace.at(`runs/${index}`)}`;
    await workspace.write(`in/${index}`, sleeps(index) ? `sleep ${SLEEP_MS}` : counts);
  }
  return workspace;
}

function sleeps(index: number): boolean {
  return index % 3 === 0;
}

function expected(): Record<string, string> {
  const names = Array.from({ length: JOBS }, (_, index) => index);
  return Object.fromEntries(names.map((index) => [index, sleeps(index) ? "slept" : "counted"]));
}

function start(workspace: Workspace): Promise<Program> {
  return workspace.start(["run", BEHAVE, "in", "--slots", "2", "--quiet"]);
}

/** Also kills the run's worker, which would otherwise still run the jobs that it has. */
async function gone(program: Program): Promise<void> {
  await eventually("no process is left", async () => (await program.descendants()).length === 0);
}

/** The jobs that are done according to the journal. */
async function recorded(workspace: Workspace): Promise<Set<string>> {
  const done = (await records(workspace)).filter(({ state }) => state === "done");
  return new Set(done.map(({ input }) => input));
}

/** Takes records out of the journal, as if the run had been killed before it could write them. */
async function forget(workspace: Workspace, isKept: (line: string) => boolean): Promise<void> {
  const journal = workspace.at("outputs/.distcomp/jobs.jsonl");
  const lines = (await readFile(journal, "utf8")).split(/(?<=\n)/);
  const before = lines.findLastIndex((line) => line.includes('"run":"begun"'));
  const kept = lines.filter((line, index) => index < before || isKept(line));
  await writeFile(journal, kept.join(""));
}

/** The complete lines of the journal. A killed run may have left a torn one. */
async function records(workspace: Workspace): Promise<JobRecord[]> {
  const path = workspace.at("outputs/.distcomp/jobs.jsonl");
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").slice(0, -1).flatMap((line) => {
    try {
      const record = JSON.parse(line) as JobRecord;
      return record.input === undefined ? [] : [record]; // some lines are about runs
    } catch {
      return [];
    }
  });
}

/** How often each job has run that notes it. */
async function executions(workspace: Workspace): Promise<Map<string, number>> {
  const names = (await readdir(workspace.at("runs"))).filter((name) => name !== ".keep");
  return new Map(
    await Promise.all(names.map(async (name): Promise<[string, number]> => {
      const text = await readFile(workspace.at(`runs/${name}`), "utf8");
      return [name, text.split("\n").length - 1];
    })),
  );
}

async function assertNotRunAgain(
  workspace: Workspace,
  done: ReadonlySet<string>,
  before: ReadonlyMap<string, number>,
  moment: string,
): Promise<void> {
  const now = await executions(workspace);
  for (const name of done) {
    assert.equal(now.get(name), before.get(name), `job ${name} was done, ${moment}`);
  }
}

async function outputCount(workspace: Workspace): Promise<number> {
  const names = await readdir(workspace.at("outputs")).catch(() => []);
  return names.filter((name) => name !== ".distcomp").length;
}

function exists(workspace: Workspace, name: string): Promise<boolean> {
  return access(workspace.at(name)).then(() => true, () => false);
}
