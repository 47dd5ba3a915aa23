/** `run --log` and `run --notify`. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile, symlink } from "node:fs/promises";
import process from "node:process";
import { LogFile } from "../../../../cli/terminal/log_file.ts";
import { notify, variablesOf } from "../../../../cli/run/notify.ts";
import { RunMessages } from "../../../../cli/run/run_messages.ts";
import type { ChildProcess, ProcessEnd } from "../../../../runtime/ports.ts";
import { core } from "../../../lib/cores.ts";
import { detectRuntime } from "../../../../runtime/detect.ts";
import { descendantsOf } from "../../../../runtime/processes/process_tree.ts";
import { eventually } from "../../../lib/processes.ts";
import { test, testUnless } from "../../../lib/test.ts";
import { VirtualClock } from "../../../lib/virtual_clock.ts";
import { statusWith } from "../../statuses.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { Gate } from "../../gate.ts";
import { endOf, Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");
const WORKER = await SharedWorker.start(BEHAVE);

/** A time, as the log has it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /;

test("a log has what a run says, with times, from its command to its exit status", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("lines", "stdout hello\ncode 3 bad\n");
  const args = ["run", BEHAVE, "--lines", "lines", "--log", "run.log"];
  assert.equal((await workspace.run(args)).code, 1);
  assert.equal((await workspace.run(["run", "no core", "lines", "--log", "run.log"])).code, 2);
  const text = await readFile(workspace.at("run.log"), "utf8");
  const lines = text.trimEnd().split("\n");
  for (const line of lines) assert.match(line, TIME);
  const said = lines.map((line) => line.replace(TIME, ""));
  assert.equal(said[0], `the run begins: distcomp ${args.join(" ")}`);
  assert(said.includes("000000: hello"));
  assert(said.some((line) => line.startsWith("1 of 2 jobs done, 1 failed, in ")), text);
  assert(said.includes("  000001  exit code 3: bad"));
  assert.deepEqual(said.slice(-4), [
    "the run has ended with status 1",
    "the run begins: distcomp run 'no core' lines --log run.log",
    'Cannot use "no core" as a compute core: no such file or folder',
    "the run has ended with status 2",
  ]);
});

test("a log in a folder of inputs, or in a list of them, is no input, and one that is named as an input is left alone", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "echo 1", "in/b": "echo 2" });
  for (const inputs of ["in", "-"]) {
    const args = ["run", BEHAVE, inputs, "--log", "in/run.log", "-o", `of ${inputs}`];
    const runs = [/^2 jobs done/, /^nothing to do: all 2 jobs finished/];
    for (const [index, expected] of runs.entries()) {
      const run = await workspace.run(args, { stdin: "in/a\nin/b\nin/run.log\n" });
      assert.equal(run.code, 0, run.stderr);
      assert.match(run.stdout, expected, `${inputs} ${index}`);
    }
  }
  for (const extra of [[], ["--dry-run"]]) {
    const refused = await workspace.run([
      "run",
      BEHAVE,
      "--lines",
      "in/a",
      "--log",
      "in/a",
      ...extra,
    ]);
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /The log "in\/a" is an input, too; choose another file with --log/,
    );
  }
  assert.equal(await readFile(workspace.at("in/a"), "utf8"), "echo 1");
});

test("an input that is given as the log of its folder is refused, and stays as it is", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "echo 1", "in/b": "echo 2" });
  for (const extra of [[], ["--dry-run"]]) {
    const run = await workspace.run(["run", BEHAVE, "in", "--log", "in/a", ...extra]);
    assert.equal(run.code, 2);
    assert.match(
      run.stderr,
      /append to "in\/a", which is not the log of a run; choose another --log/,
    );
  }
  assert.equal(await readFile(workspace.at("in/a"), "utf8"), "echo 1");
});

test("a log through a link to an output that is still to be made is refused, and makes no file there", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "echo 1", "out/other": "" });
  await symlink("out/a", workspace.at("run.log"));
  const args = ["run", BEHAVE, "in", "-o", "out", "--log", "run.log"];
  for (const extra of [[], ["--dry-run"]]) {
    const refused = await workspace.run([...args, ...extra]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /The log "run.log" is in "out", which the run uses otherwise/);
  }
  assert.deepEqual(await readdir(workspace.at("out")), ["other"]);
});

test("the log of a quiet run has what the terminal has not", async () => {
  await using workspace = await Workspace.make(WORKER);
  const clock = new VirtualClock();
  const file = await LogFile.open(workspace.at("log"), clock);
  const messages = new RunMessages(true, file, clock);
  const shown: string[] = [];
  const ignored = () => {};
  messages.progress = { write: (line) => shown.push(line), suspend: ignored, stop: ignored };
  messages.log.info("worker a joined");
  messages.log.warn("worker b: no such host");
  messages.log.table?.("two workers lack it:", [["a", "libm"], ["b", "libc"]]);
  messages.writePrinted("a.txt: hello");
  await file.close();
  assert.equal(shown.length, 3);
  const levels = ["info", "warning", "warning", "warning", "warning", "printed"];
  assert.deepEqual(messages.lines.all.map(({ level }) => level), levels);
  const text = await readFile(workspace.at("log"), "utf8");
  const lines = text.split("\n").map((line) => line.replace(TIME, ""));
  assert.deepEqual(lines, [
    "worker a joined",
    "warning: worker b: no such host",
    "warning: two workers lack it:",
    "  a  libm",
    "  b  libc",
    "a.txt: hello",
    "",
  ]);
});

test("the log of an interrupted run says what was being finished, and how to resume", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await workspace.write("lines", `${gate.job}\n`.repeat(100));
  const args = ["run", BEHAVE, "--lines", "lines", "--log", "run.log", "--slots", "1"];
  await using program = await workspace.start(args);
  await gate.reachedBy(1);
  program.signal("SIGINT");
  await program.printed("stderr", /^finishing /m);
  await gate.open();
  const { code, stderr } = await endOf(program);
  assert.equal(code, 130, stderr);
  const lines = (await readFile(workspace.at("run.log"), "utf8")).trimEnd().split("\n");
  const said = lines.map((line) => line.replace(TIME, ""));
  assert(said.includes("finishing 1 running job; interrupt again to stop at once"), stderr);
  const end = [`to resume: distcomp ${args.join(" ")}`, "the run has ended with status 130"];
  assert.deepEqual(said.slice(-2), end);
});

test("a log that lacks lines, because its disk is full, is a warning at the end", async () => {
  const file = await LogFile.open("/dev/full", new VirtualClock());
  file.write("the run begins");
  assert.match(await file.close() ?? "", /^warning: the log "\/dev\/full" lacks lines: no space/);
});

test("a log may be a pipe that somebody reads, and is refused if nobody does", async () => {
  await using workspace = await Workspace.make();
  const pipe = workspace.at("pipe");
  execFileSync("mkfifo", [pipe]);
  await assert.rejects(
    LogFile.open(pipe, new VirtualClock()),
    /Cannot write the log ".*": it is a pipe that nobody reads$/,
  );
  const reading = readFile(pipe, "utf8");
  const opened = await eventually("somebody reads it", () => {
    return LogFile.open(pipe, new VirtualClock()).catch(() => undefined);
  });
  opened.write("the run begins");
  assert.equal(await opened.close(), undefined);
  assert.match(await reading, /the run begins\n$/);
});

test("a command is run at the end, knows how the run has ended, and may fail", async () => {
  await using workspace = await Workspace.make(WORKER);
  const command =
    'echo "$DISTCOMP_STATUS: $DISTCOMP_DONE of $DISTCOMP_TOTAL in $DISTCOMP_OUTPUTS";' +
    ' echo "$DISTCOMP_SUMMARY" | head -1; exit 3';
  const run = await workspace.run([
    ...["run", await core("echo"), "--repeat", "2", "-o", "out"],
    ...["--notify", command],
  ]);
  assert.equal(run.code, 0, "the run itself is done");
  const [facts, summary, warning] = run.stderr.split("\n");
  assert.equal(facts, "0: 2 of 2 in out");
  assert.match(summary ?? "", /^2 jobs done in /);
  assert.equal(warning, `warning: the command of --notify ended with status 3: ${command}`);
});

test("a command that takes longer than a minute is killed, and one that cannot start is a warning", async () => {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const news = { code: 0, status: statusWith(), outputs: "out", summary: "done" };
  const told = notify({ clock, spawn: () => endless() }, "sleep 99999", news, write);
  for (let second = 0; second < 60; second++) await clock.advance(1_000);
  await told;
  assert.deepEqual(lines.splice(0), [
    "warning: the command of --notify took longer than 1m: sleep 99999",
  ]);
  const spawn = () => {
    throw new Error("not allowed");
  };
  await notify({ clock, spawn }, "true", news, write);
  assert.deepEqual(lines, ["warning: cannot run the command of --notify: not allowed"]);
});

testUnless(
  process.platform === "linux" ? undefined : "the system does not list processes",
  "what a command has started ends with it when it takes too long",
  async () => {
    const clock = new VirtualClock();
    const { spawn } = await detectRuntime();
    const news = { code: 0, status: undefined, outputs: "out", summary: "done" };
    const ids = Promise.withResolvers<string>();
    const told = notify(
      { clock, spawn },
      'sh -c "sleep 1000; :" & sleep 1000 & echo $! $$; wait',
      news,
      ids.resolve,
    );
    const [sleep = NaN, shell = NaN] = (await ids.promise).split(" ").map(Number);
    await eventually("both are there", () => descendantsOf(shell).length === 3);
    await clock.advance(60_000);
    await told;
    await eventually("they are gone", () => !isAlive(sleep) && !isAlive(shell));
  },
);

test("the variables of the command have no colors, and zeros for a run that has not begun", () => {
  const summary = "\u001b[32m2 jobs done\u001b[39m";
  assert.deepEqual(variablesOf({ code: 2, status: undefined, outputs: "out", summary }), {
    DISTCOMP_STATUS: "2",
    DISTCOMP_SUMMARY: "2 jobs done",
    DISTCOMP_DONE: "0",
    DISTCOMP_FAILED: "0",
    DISTCOMP_TOTAL: "",
    DISTCOMP_SECONDS: "0",
    DISTCOMP_OUTPUTS: "out",
  });
});

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) &&
    !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}

/** A process that ends only when it is killed. */
function endless(): ChildProcess {
  const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
  return {
    pid: 2 ** 30, // there is none
    outputs: [],
    ended: promise,
    kill: () => resolve({ signal: "SIGKILL" }),
    unref: () => {},
  };
}
