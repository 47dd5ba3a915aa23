/** Lists of inputs with bytes that nobody expects in them. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { core } from "../../../lib/cores.ts";
import { test } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { Workspace } from "../../workspace.ts";

const ECHO = await core("echo");
const WORKER = await SharedWorker.start(ECHO);

test("a list with any bytes costs only the jobs of the lines that name no file", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "1", "in/é": "2", "in/last": "3" });
  const lines: (string | Uint8Array)[] = [
    "\ufeffin/a\r\n",
    "\n\r\n",
    "in/é\n",
    "in/nothing\0in/a\n",
    Uint8Array.of(0xff, 0xfe, 0x0a),
    `${"long".repeat(100_000)}\n`,
    "\x1b[31m\n",
    "..\n",
    "in/last",
  ];
  const stdin = Buffer.concat(lines.map((line) => Buffer.from(line)));
  const run = await workspace.run(["run", ECHO, "-"], { stdin });
  assert.equal(run.code, 1, run.stderr);
  assert.deepEqual(await workspace.outputs(), { "in/a": "1", "in/é": "2", "in/last": "3" });
  const reasons = (await workspace.records()).flatMap(({ error }) => error ?? []);
  assert.equal(reasons.length, 5);
  assert.match(
    reasons.join("\n"),
    /in\/nothing\0in\/a": it contains a zero byte; list one name per line/,
  );
  assert.match(run.stdout, /^ {2}(long){15}… in line 7 {2}no path is so long; is it a list, /m);
  assert(run.stdout.length < 2_000, "not all of the long line is shown");
  assert(!/\bat \S+:\d+:\d+/.test(run.stderr), `no stack: ${run.stderr}`);
  // deno-lint-ignore no-control-regex -- this is what must not reach a terminal
  assert(!/[\0-\x09\x0b-\x1f]/.test(run.stderr), JSON.stringify(run.stderr));
});

test("with -0, names in a list end with a zero byte and may have line feeds in them", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a\nb": "1", "in/\r": "2", "in/last": "3" });
  const run = await workspace.run(["run", ECHO, "-", "-0"], {
    stdin: "in/a\nb\0in/\r\0\0in/last",
  });
  assert.equal(run.code, 0, run.stderr + run.stdout);
  assert.deepEqual(await workspace.outputs(), { "in/a\nb": "1", "in/\r": "2", "in/last": "3" });
  const refused = await workspace.run(["run", ECHO, "in", "--null"]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /-0 is for a list of files on stdin; name - as the input/);
});

test("a folder in a list is a job that fails, and says how to list files", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "1" });
  const run = await workspace.run(["run", ECHO, "-"], { stdin: "in\nin/a\n" });
  assert.equal(run.code, 1, run.stderr);
  assert.deepEqual(await workspace.outputs(), { "in/a": "1" });
  const reasons = (await workspace.records()).flatMap(({ error }) => error ?? []);
  assert.deepEqual(reasons, [
    'cannot read "in": it is a folder; a list names files (find -type f)',
  ]);
});

test("a file that is listed twice is a job and a failure that says so", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "1" });
  const run = await workspace.run(["run", ECHO, "-"], { stdin: "in/a\n./in/a\n" });
  assert.equal(run.code, 1, run.stderr);
  assert.match(
    run.stdout,
    /in\/a {2}it is listed twice, or another input has the same output; list/,
  );
  assert.deepEqual(await workspace.outputs(), { "in/a": "1" });
});

test("an error about a name is one line, whatever the name has in it", async () => {
  await using workspace = await Workspace.make(WORKER);
  const run = await workspace.run(["run", ECHO, "no\nsuch\x1b[31mfile"]);
  assert.equal(run.code, 2);
  assert.equal(
    run.stderr,
    'distcomp: Cannot read input "no suchfile": no such file or folder\n',
  );
});

test("lines of any bytes are inputs as they are, with and without a line feed at the end", async () => {
  await using workspace = await Workspace.make(WORKER);
  const long = "x".repeat(300_000);
  const lines = ["", "a\0b", "\xff\xfe", long, "last"];
  for (const [folder, end] of [["one", "\n"], ["two", ""]] as const) {
    await workspace.write("lines", Buffer.from(lines.join("\r\n") + end, "latin1"));
    const run = await workspace.run(["run", ECHO, "--lines", "lines", "-o", folder]);
    assert.equal(run.code, 0, run.stderr);
    const sizes = Object.fromEntries(
      (await workspace.records(folder)).map((record) => [record.input, record.bytesOut]),
    );
    assert.deepEqual(sizes, {
      "000000": 0,
      "000001": 3,
      "000002": 2,
      "000003": long.length,
      "000004": 4,
    });
  }
});
