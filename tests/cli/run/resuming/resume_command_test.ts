/** The command that resumes a run that has ended early. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { resumeHint } from "../../../../cli/program/resume_command.ts";
import { nameOfBytes } from "../../../../runtime/files/file_name.ts";
import { core } from "../../../lib/cores.ts";
import { eventually, type Program } from "../../../lib/processes.ts";
import { programTest, test } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { endOf, Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");
const ECHO = await core("echo");
const WORKER = await SharedWorker.start(BEHAVE);

test("the resume command is the one that was typed, without --fresh", () => {
  const typed = ["run", "core.so", "in", "--fresh", "-o", "out", "--workers", "a,b:9000"];
  const same = "to resume: distcomp run core.so in -o out --workers a,b:9000";
  assert.equal(resumeHint(typed, undefined), same);
  assert.equal(
    resumeHint(["run", "--fresh", "core.so", "--", "--fresh"], undefined),
    "to resume: distcomp run core.so -- --fresh",
  );
});

test("a shell parses the resume command into the original arguments, whatever they are", () => {
  const typed = [
    "run",
    "it's",
    "a b",
    "",
    "$HOME",
    '"',
    "*",
    "~",
    "ä",
    "new\nline",
    "\\",
    "-o",
    "a;b",
  ];
  const command = resumeHint(typed, undefined).slice("to resume: distcomp ".length);
  const given = execFileSync("sh", ["-c", `printf '%s\\0' ${command}`]).toString();
  assert.deepEqual(given.split("\0").slice(0, -1), typed);
});

test("a shell parses names that are not UTF-8 into the bytes that were typed", () => {
  const name = Buffer.from("it's caf\xe9\xff0\n.txt", "latin1");
  const command = resumeHint([nameOfBytes(name)], undefined).slice("to resume: distcomp ".length);
  assert.match(command, /^\$'[\x20-\x7e]+'$/);
  const given = execFileSync("bash", ["-c", `printf '%s' ${command}`]);
  assert.deepEqual(given, name);
});

test("the resume command says what must be on stdin again", () => {
  assert.equal(
    resumeHint(["run", "core.so", "-"], "list"),
    "to resume, with the same list on stdin: distcomp run core.so -",
  );
});

test("an interrupted run prints a resume command, which runs only the remaining jobs", async () => {
  await using workspace = await prepared();
  await using program = await start(workspace, ["--fresh", "-o", "out put"]);
  await begun(workspace, "out put");
  program.signal("SIGINT");
  const ended = await endOf(program);
  assert.equal(ended.code, 130, ended.stderr);
  const [, command = ""] = /^to resume: \S*distcomp (.*)$/m.exec(ended.stderr) ?? [];
  assert.equal(command, `run ${BEHAVE} in --slots 2 -o 'out put'`);
  const done = Object.keys(await workspace.outputs("out put")).length;
  const rest = await workspace.run(["run", BEHAVE, "in", "--slots", "2", "-o", "out put"]);
  assert.equal(rest.code, 0, rest.stderr);
  assert.match(rest.stdout, new RegExp(`^40 jobs done in .* \\(${done} from earlier runs\\)`));
  assert.equal((await workspace.records("out put")).length, 40);
});

programTest("a run that was ended by a second interrupt can be resumed", async () => {
  await using workspace = await prepared();
  await workspace.write("in/0", "sleep 600000");
  await using program = await start(workspace, []);
  await begun(workspace);
  program.signal("SIGINT");
  await program.printed("stderr", /^finishing/m);
  program.signal("SIGINT");
  assert.equal((await program.exited).code, 130);
  assert.match(program.stderr, /^to resume: \S*distcomp run /m);
  assert.deepEqual(await workspace.leftovers(), []);
  const done = await workspace.records();
  await workspace.write("in/0", "echo awake");
  const rest = await workspace.run(["run", BEHAVE, "in"]);
  assert.equal(rest.code, 0, rest.stderr);
  assert.match(rest.stdout, new RegExp(`\\(${done.length} from earlier runs\\)`));
  assert.equal((await workspace.records()).length, 40);
});

programTest("an interrupted run with lines on stdin says that it needs them again", async () => {
  await using workspace = await Workspace.make();
  const args = ["run", BEHAVE, "--lines", "-"];
  await using program = await workspace.start(args, { isStdio: true });
  program.type("echo one\n");
  await begun(workspace, "outputs", 1);
  program.signal("SIGINT");
  const { stderr } = await endOf(program);
  assert.match(stderr, /^to resume, with the same lines on stdin: \S*distcomp run .* --lines -$/m);
});

programTest(
  "with --quiet, too, an interrupted run prints how to resume it, and notes how many jobs are left",
  async () => {
    await using workspace = await Workspace.make();
    const jobs = 10_000; // more than are read at once
    await workspace.write("lines", "sleep 20\n".repeat(jobs));
    const args = ["run", BEHAVE, "--lines", "lines", "--slots", "2", "--quiet"];
    await using program = await workspace.start(args);
    await begun(workspace);
    program.signal("SIGINT");
    const { code, stderr } = await endOf(program);
    assert.equal(code, 130);
    assert.match(stderr, /(^|\n)to resume: \S*distcomp run .* --quiet\n$/);
    const { stdout } = await workspace.run(["status", "outputs"]);
    const [, done, left] = /was interrupted: (\S+) jobs done, (\S+) left\n/.exec(stdout) ?? [];
    assert.equal(numberIn(done) + numberIn(left), jobs, stdout);
  },
);

test("a run that cannot go on where an earlier one ended says how to resume, once that is possible", async () => {
  await using workspace = await Workspace.make(WORKER);
  const args = ["run", ECHO, "--lines", "rows.csv"];
  const hint = new RegExp(
    `(^|\n)distcomp: Cannot .*\nto resume: \\S*distcomp ${args.join(" ")}\n$`,
  );
  const tried = async (pattern: RegExp, more: readonly string[] = []) => {
    const run = await workspace.run([...args, ...more]);
    assert.equal(run.code, 2, run.stdout);
    assert.match(run.stderr, pattern);
  };
  const noHint = /^distcomp: Cannot [^\n]*\n$/;
  await workspace.write("outputs/.distcomp", "in the place of a folder");
  await workspace.write("rows.csv", "n\n1\n");
  await tried(noHint); // there is no earlier run
  await rm(workspace.at("outputs"), { recursive: true });
  assert.equal((await workspace.run(args)).code, 0);
  await workspace.write("outputs/.distcomp/lock/file", "in the place of the lock");
  await tried(hint);
  await tried(noHint, ["--fresh"]); // which would not resume
  await rm(workspace.at("outputs/.distcomp/lock"), { recursive: true });
  await workspace.write("rows.csv", "n,n\n1,1\n");
  await tried(hint); // although no job has ended yet
  await workspace.write("rows.csv", "n\n1\n");
  const withoutKey = await workspace.run([...args, "-w", "127.0.0.1:1", "--key", "nothing"]);
  assert.match(withoutKey.stderr, /^distcomp: There is no key [^\n]*\n$/); // the command has to be another one
  assert.equal((await workspace.run([...args, "--pack", "p.tar"])).code, 0);
  await rm(workspace.at("p.tar"));
  await workspace.write("p.tar/file", "in the place of the pack");
  await tried(/^distcomp: Cannot [^\n]*; choose another pack\n$/, ["--pack", "p.tar"]);
});

test("--max-failures stops a run with too many failures, and prints how to resume it", async () => {
  await using workspace = await failing(1000);
  const run = await workspace.run(["run", BEHAVE, "in", "--max-failures", "10"]);
  assert.equal(run.code, 1);
  const [, failed, finished] = /^distcomp: Stopped after (\d+) of (\d+) jobs failed, more than /m
    .exec(run.stderr) ?? [];
  assert.equal(failed, "11");
  assert(Number(finished) < 1000, run.stderr);
  assert.match(
    run.stderr,
    new RegExp(`\nto resume: \\S*distcomp run ${BEHAVE} in --max-failures 10\\n$`),
  );
  const records = await workspace.records();
  assert(records.length >= 11 && records.length < 1000, "what ran was waited for, nothing else");
  assert.match(run.stdout, new RegExp(`^\\d+ of [\\d,]+ jobs done, ${records.length} failed`));
});

test("a run may have as many failures as allowed, and those of earlier runs do not count", async () => {
  await using workspace = await failing(5);
  const run = await workspace.run(["run", BEHAVE, "in", "--max-failures", "5"]);
  assert.equal(run.code, 1);
  assert.doesNotMatch(run.stderr, /Stopped/);
  await workspace.writeAll({ "in/new": "code 1", "in/well": "echo 1" });
  const again = await workspace.run(["run", BEHAVE, "in", "--max-failures", "1"]);
  assert.doesNotMatch(again.stderr, /Stopped/);
  assert.match(again.stdout, /^1 of 7 jobs done, 6 failed/);
});

test("--max-failures with a percentage waits for 100 finished jobs, or for the end", async () => {
  await using workspace = await failing(30);
  const few = await workspace.run(["run", BEHAVE, "in", "--max-failures", "50%"]);
  assert.equal(few.code, 1);
  assert.match(
    few.stderr,
    /^distcomp: 30 of 30 jobs failed, more than --max-failures 50% allows$/m,
  );
  assert.equal((await workspace.records()).length, 30);
  await using more = await failing(2000);
  const many = await more.run(["run", BEHAVE, "in", "--max-failures", "50%"]);
  assert.match(many.stderr, /Stopped after 100 of 100 jobs failed/);
  assert((await more.records()).length < 2000);
});

test("--max-failures is a number or a percentage", async () => {
  await using workspace = await Workspace.make(WORKER);
  const values = ["x", "-1", "1.5", "101%", "5 %", "%", ""];
  const command = ["run", BEHAVE, "--repeat", "1"];
  const runs = await workspace.runEach(values, (text) => [...command, `--max-failures=${text}`]);
  for (const [value, run] of runs) {
    assert.equal(run.code, 2, value);
    assert.match(run.stderr, /max-failures/);
  }
});

/** Forty jobs of which each takes a moment, behind two that don't. */
async function prepared(): Promise<Workspace> {
  const workspace = await Workspace.make();
  for (let index = 0; index < 38; index++) await workspace.write(`in/${index}`, "sleep 200");
  await workspace.writeAll({ "in/+1": "echo 1", "in/+2": "echo 2" });
  return workspace;
}

async function failing(jobs: number): Promise<Workspace> {
  const workspace = await Workspace.make(WORKER);
  for (let index = 0; index < jobs; index++) await workspace.write(`in/${index}`, "code 1 bad");
  return workspace;
}

function start(workspace: Workspace, args: readonly string[]): Promise<Program> {
  return workspace.start(["run", BEHAVE, "in", "--slots", "2", ...args]);
}

/** `1,234` → 1234 */
function numberIn(text = ""): number {
  return Number(text.replaceAll(",", ""));
}

async function begun(workspace: Workspace, folder = "outputs", outputs = 2): Promise<void> {
  await eventually("the first outputs", async () => {
    const found = await workspace.outputs(folder).catch(() => ({}));
    return Object.keys(found).length >= outputs;
  });
}
