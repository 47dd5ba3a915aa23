/** `distcomp run`: which outputs the inputs get, and what the journal records. */

import assert from "node:assert/strict";
import { access, chmod, rm } from "node:fs/promises";
import process from "node:process";
import { OutputNaming } from "../../../../controller/inputs/output_naming.ts";
import { core } from "../../../lib/cores.ts";
import { eventually } from "../../../lib/processes.ts";
import { programTest, test, testUnless } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { Workspace } from "../../workspace.ts";

const ECHO = await core("echo");
const BEHAVE = await core("behave");
const WORKER = await SharedWorker.start(BEHAVE);

/** Enough for several windows, batches of inputs and flushes of the record. */
const MANY_JOBS = 5_000;

const asRoot = process.getuid?.() === 0 ? "root may read everything" : undefined;

test("files in a folder and its subfolders get outputs of the same names", async () => {
  await using workspace = await Workspace.make(WORKER);
  const files = { "b": "2", "a/deep/er": "1", "c with blanks.txt": "", "ä": "ü", ".hidden": "3" };
  for (const [name, text] of Object.entries(files)) await workspace.write(`in/${name}`, text);
  const run = await workspace.run(["run", ECHO, "in"]);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await workspace.outputs(), files);
  assert.deepEqual(await workspace.leftovers(), []);
});

test("a named file's output has its base name, files in folders keep their paths", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "x/one": "1", "two": "2", "folder/three": "3" });
  const run = await workspace.run(["run", ECHO, "x/one", "two", "folder", "-o", "out/put"]);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await workspace.outputs("out/put"), { one: "1", two: "2", three: "3" });
});

test("outputs of listed files keep the folders, without leading / and ../", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "a/one": "1", "a/b/two": "2", "here/..odd": "3", "here/four": "4" });
  const elsewhere = await workspace.write("elsewhere/five", "5");
  const list = `../a/one\n../a/./b/../b/two\r\n\n..odd\n./four\n${elsewhere}\n`;
  const run = await workspace.run(["run", ECHO, "-", "-o", "../outputs"], {
    stdin: list,
    cwd: workspace.at("here"),
  });
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await workspace.outputs(), {
    "a/one": "1",
    "a/b/two": "2",
    "..odd": "3",
    "four": "4",
    [elsewhere.slice(1)]: "5",
  });
});

programTest("an empty list, an empty folder and --repeat 0 are runs without jobs", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("empty/folder/file", "");
  await rm(workspace.at("empty/folder/file"));
  for (const inputs of [["-"], ["empty"], ["--repeat", "0"], ["--lines", "-"]]) {
    const run = await workspace.run(["run", ECHO, ...inputs], { stdin: "" });
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^nothing to do: there are no inputs$/m);
    assert.deepEqual(await workspace.outputs(), {});
  }
});

test("every line of a file gets an output named by its line number", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("lines", "one\r\n\n three ");
  const run = await workspace.run(["run", ECHO, "--lines", "lines"]);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await workspace.outputs(), {
    "000000": "one",
    "000001": "",
    "000002": " three ",
  });
});

programTest("a line or a file name on stdin becomes a job at once, before stdin ends", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ one: "1", two: "2" });
  for (
    const [args, outputs] of [[["--lines", "-"], ["000000", "000001"]], [["-"], [
      "one",
      "two",
    ]]] as const
  ) {
    await using program = await workspace.start(["run", ECHO, ...args], { isStdio: true });
    program.type("one\ntw");
    await appears(workspace, `outputs/${outputs[0]}`);
    program.type("o");
    program.endInput();
    await program.endsCleanly();
    assert.deepEqual(Object.keys(await workspace.outputs()).sort(), [...outputs]);
    await rm(workspace.at("outputs"), { recursive: true });
  }
});

test("inputs and outputs of every size arrive complete", async () => {
  await using workspace = await Workspace.make(WORKER);
  const sizes = [0, 1, 4095, 32_768, 32_769, 65_536, 1_000_001, 20_000_000];
  for (const size of sizes) {
    await workspace.write(`in/${size}`, "abcdefg".repeat(size).slice(0, size));
  }
  const run = await workspace.run(["run", ECHO, "in", "--quiet"]);
  assert.equal(run.code, 0, run.stderr);
  const outputs = await workspace.outputs();
  assert.deepEqual(Object.keys(outputs).map(Number).sort((a, b) => a - b), sizes);
  for (const [size, text] of Object.entries(outputs)) {
    assert(text === "abcdefg".repeat(Number(size)).slice(0, Number(size)), `${size} bytes`);
  }
});

test("each of many small jobs ends once, with the right output and one record", async () => {
  await using workspace = await Workspace.makeInMemory();
  const run = await workspace.run(["run", ECHO, "--repeat", String(MANY_JOBS), "--quiet"]);
  assert.equal(run.code, 0, run.stderr);
  const names = Array.from({ length: MANY_JOBS }, (_, index) => String(index));
  assert.deepEqual(
    await workspace.outputsByNumber(),
    Object.fromEntries(names.map((name) => [name, name])),
  );
  const records = await workspace.records();
  assert.deepEqual(records.map(({ index }) => index), names.map(Number));
  assert(
    records.every(({ input, state, exitCode, attempt, bytesIn, bytesOut }, index) =>
      Number(input) === index && state === "done" && exitCode === 0 && attempt === 1 &&
      bytesIn === names[index]?.length && bytesOut === bytesIn
    ),
  );
});

test("the record of a job has its state, times and sizes", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/a": "echo four", "in/b": "code 3 wrong", "in/c": "sleep 30" });
  const run = await workspace.run(["run", BEHAVE, "in"]);
  assert.equal(run.code, 1, run.stderr);
  const [done, failed, slept] = await workspace.records();
  const common = { worker: "this machine", attempt: 1 };
  assertMatches(done, {
    ...common,
    index: 0,
    input: "a",
    state: "done",
    exitCode: 0,
    bytesIn: 9,
    bytesOut: 4,
  });
  assertMatches(failed, {
    ...common,
    index: 1,
    input: "b",
    state: "failed",
    exitCode: 3,
    error: "exit code 3: wrong",
    bytesIn: 12,
    bytesOut: 5,
  });
  assert((slept?.runMs ?? 0) >= 30, `${slept?.runMs} ms of sleep`);
  assert((slept?.queuedAt ?? Infinity) <= (slept?.startedAt ?? 0));
});

test("a failed job leaves no output, not even that of an earlier run", async () => {
  for (const fresh of [[], ["--fresh"]]) {
    await using workspace = await Workspace.make(WORKER);
    const all = { "in/fails": "echo old", "in/crashes": "echo old", "in/works": "echo old" };
    await workspace.writeAll({ ...all, "outputs/another": "kept" });
    await workspace.run(["run", BEHAVE, "in"]);
    await workspace.writeAll({
      "in/fails": "code 5 half a result",
      "in/crashes": "crash",
      "in/works": "echo new",
    });
    const run = await workspace.run(["run", BEHAVE, "in", ...fresh]);
    assert.equal(run.code, 1, run.stderr);
    assert.deepEqual(await workspace.outputs(), { works: "new", another: "kept" });
    assert.match(run.stdout, /^1 of 3 jobs done, 2 failed, /);
    assert.match(run.stdout, /^ {2}fails {4}exit code 5: half a result$/m);
    assert.match(run.stdout, /^ {2}crashes {2}crashed in 3 attempts: SIGSEGV/m);
    assert.doesNotMatch(run.stderr, /stays/);
  }
});

test("a run that begins in a folder with files of others says once that outputs replace them, and a dry run says it", async () => {
  await using workspace = await Workspace.make(WORKER);
  const warning = 'warning: the folder "data" has files, but no journal of a run; ' +
    "outputs of the same names replace them\n";
  await workspace.writeAll({ "in/a": "echo 1", "data/a": "mine", "data/b": "too" });
  const args = ["run", BEHAVE, "in", "-o", "data"];
  for (const extra of [["--dry-run"], ["--dry-run", "--fresh"], ["--quiet"]]) {
    const run = await workspace.run([...args, ...extra]);
    assert.deepEqual([run.code, run.stderr], [0, warning], extra.join(" "));
  }
  assert.deepEqual(await workspace.outputs("data"), { a: "1", b: "too" });
  for (const extra of [[], ["--fresh"], ["--dry-run"], ["--fresh", "--dry-run"]]) {
    const run = await workspace.run([...args, ...extra]);
    assert.equal(run.code, 0, run.stderr);
    assert.doesNotMatch(run.stderr, /warning/, extra.join(" "));
  }
});

test("a run says nothing about files of others in a folder that is new or empty, or beside its pack", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "echo 1", "data/.distcomp/jobs.jsonl": "", "x/a": "mine" });
  for (const outputs of [["-o", "new"], ["-o", "data"], ["--pack", "x/all.tar"]]) {
    const run = await workspace.run(["run", BEHAVE, "in", "--quiet", ...outputs]);
    assert.deepEqual([run.code, run.stderr], [0, ""], outputs.join(" "));
  }
});

test("a file that no run has written stays when the job of its name fails, and the run says so once", async () => {
  await using workspace = await Workspace.make(WORKER);
  const own = { a: "precious", "deep/b": "too" };
  await workspace.writeAll({ "in/a": "code 1", "in/deep/b": "code 1", "in/c": "echo c" });
  await workspace.writeAll({ "data/a": own.a, "data/deep/b": own["deep/b"] });
  for (const again of [[], ["--retry-failed"], ["--fresh"]]) {
    const run = await workspace.run(["run", BEHAVE, "in", "-o", "data", ...again]);
    assert.equal(run.code, 1, run.stderr);
    assert.deepEqual(await workspace.outputs("data"), { ...own, c: "c" });
    assert.equal(
      run.stderr.match(/"data\/(a|deep\/b)" stays, although its job has failed/g)?.length,
      1,
    );
  }
});

test("a failed job stays failed where a file of the user has the name of its output, until --retry-failed", async () => {
  await using workspace = await Workspace.make(WORKER);
  const died = workspace.at("died");
  const args = ["run", BEHAVE, "in", "-o", "data", "--crash-limit", "1"];
  await workspace.writeAll({ "in/b": "echo b", "data/a": "precious" });
  assert.equal((await workspace.run(args)).code, 0);
  await workspace.write("in/a", `die-once ${died}`); // by itself, as a crash is blamed on no other job then
  assert.equal((await workspace.run(args)).code, 1);
  const again = await workspace.run(args);
  assert.match(again.stdout, /^nothing to do: of 2 jobs, 1 finished and 1 failed in earlier runs/);
  assert.deepEqual(await workspace.outputs("data"), { a: "precious", b: "b" });
  assert.equal((await workspace.run([...args, "--retry-failed"])).code, 0);
  assert.deepEqual(await workspace.outputs("data"), { a: "survived", b: "b" });
});

programTest(
  "an input that disappears during the run fails its job, and the run goes on",
  async () => {
    await using workspace = await Workspace.make();
    const count = 200;
    for (let index = 0; index < count; index++) {
      await workspace.write(`in/${1000 + index}`, index < 100 ? "sleep 10" : "echo late");
    }
    await using program = await workspace.start(["run", BEHAVE, "in", "--slots", "1"]);
    await rmWhenRunning(workspace, `in/${1000 + count - 1}`);
    await program.endsCleanly(1);
    const failed = (await workspace.records()).filter(({ state }) => state === "failed");
    assert.equal(failed.length, 1);
    assert.equal(failed[0]?.error, `cannot read "in/${1000 + count - 1}": no such file or folder`);
    assert.equal(failed[0]?.attempt, 0);
    assert.equal(Object.keys(await workspace.outputs()).length, count - 1);
  },
);

testUnless(asRoot, "an input that may not be read fails its job, and the run goes on", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/open": "1", "in/secret": "2", "in/folder/file": "3" });
  await chmod(workspace.at("in/secret"), 0);
  await chmod(workspace.at("in/folder"), 0);
  const run = await workspace.run(["run", ECHO, "in"]);
  await chmod(workspace.at("in/folder"), 0o700);
  assert.equal(run.code, 1, run.stderr);
  assert.deepEqual(await workspace.outputs(), { open: "1" });
  assert.match(run.stdout, /cannot read "in\/secret": permission denied/);
  assert.match(run.stdout, /cannot list the folder "in\/folder": permission denied/);
});

test("if two inputs have the same output, the first one is done and its output stays", async () => {
  await using workspace = await Workspace.makeInMemory();
  // The second one comes when the first is done long since.
  const names = Array.from({ length: 2000 }, (_, index) => `${10_000 + index}`);
  for (const name of names) await workspace.write(`a/${name}`, name);
  await workspace.writeAll({ "b/10000": "other", "b/20000": "20000" });
  const run = await workspace.run(["run", ECHO, "a", "b", "--quiet"]);
  assert.equal(run.code, 1, run.stderr);
  const expected = [...names, "20000"].map((name) => [name, name]);
  assert.deepEqual(await workspace.outputs(), Object.fromEntries(expected));
  const failed = (await workspace.records()).filter(({ state }) => state === "failed");
  assert.deepEqual(failed.map(({ input, error }) => [input, error]), [
    ["10000", `another input has the same output; ${OutputNaming.SAME.remedy}`],
  ]);
});

test("a listed file whose own output would replace it is neither replaced nor removed", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "works": "echo new", "fails": "code 1", "sub/works": "echo new" });
  const run = await workspace.run(["run", BEHAVE, "-", "-o", "."], {
    stdin: "works\nfails\nsub/works\n",
  });
  assert.equal(run.code, 1, run.stderr);
  assert.match(run.stdout, /works {6}its output would overwrite it; choose another folder with -o/);
  assert.deepEqual(await workspace.outputs("."), {
    "works": "echo new",
    "fails": "code 1",
    "sub/works": "echo new",
  });
});

test("an output name that is reserved, or is that of a folder, fails only its job", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({
    "in/.distcomp/jobs.jsonl": "1",
    "in/folder": "2",
    "in/good": "3",
    "outputs/folder/file": "old",
  });
  const run = await workspace.run(["run", ECHO, "-", "-o", "../outputs"], {
    stdin: ".distcomp/jobs.jsonl\nfolder\ngood\n",
    cwd: workspace.at("in"),
  });
  assert.equal(run.code, 1, run.stderr);
  assert.match(run.stdout, /the name ".distcomp\/jobs.jsonl" is reserved for distcomp's own files/);
  assert.match(run.stdout, /its output "..\/outputs\/folder" cannot be written: it is a folder/);
  assert.deepEqual(await workspace.outputs(), { "good": "3", "folder/file": "old" });
  assert.equal((await workspace.records()).length, 3);
});

test("a run in another run's output folder replaces only the outputs of its own inputs", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "old", "in/b": "old" });
  await workspace.run(["run", ECHO, "in", "--quiet"]);
  await workspace.writeAll({ "in/a": "newer" });
  await rm(workspace.at("in/b"));
  await workspace.run(["run", ECHO, "in", "--quiet"]);
  assert.deepEqual(await workspace.outputs(), { a: "newer", b: "old" });
  assert.deepEqual((await workspace.records()).map(({ input }) => input), ["a", "a", "b"]);
});

async function appears(workspace: Workspace, name: string): Promise<void> {
  const exists = () => access(workspace.at(name)).then(() => true, () => false);
  await eventually(`${name} is there`, exists);
}

/** Removes a file as soon as the run has given its first output. */
async function rmWhenRunning(workspace: Workspace, name: string): Promise<void> {
  await eventually("the first output", async () => {
    const outputs = await workspace.outputs().catch(() => ({}));
    return Object.keys(outputs).length > 0;
  });
  await rm(workspace.at(name));
}

function assertMatches(actual: object | undefined, expected: object): void {
  assert.deepEqual({ ...actual, ...expected }, actual);
}
