/** A run that listens for workers, and what strangers and lying workers can do to it. */

import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { endOf, Workspace } from "../cli/workspace.ts";
import { core } from "../lib/cores.ts";
import { Program } from "../lib/processes.ts";
import { programTest, slowTest } from "../lib/test.ts";
import { Attacker } from "./attack.ts";
import { lie, NOTICES, refuse } from "./lying_worker.ts";

const JOBS = 100;

/** Workers that refuse a run one after the other, each with another text. */
const REFUSALS = 100;

/** A job's record has its error, of which 4 KiB are kept, and its last lines, of which as much is kept. */
const RECORD_BYTES_MAX = 10_000;

/** 20,000 lines with their jobs' names in a second, for as long as such a run takes on a slow machine. */
const LOG_BYTES_MAX = 20_000_000;

programTest("what a lying worker says is cut before it is in the journal or the log", () => {
  return lieTo(["--core-output", "show"], NOTICES);
});

programTest(
  "the errors that a lying worker reports are cut before they are in the journal or the log",
  () => {
    return lieTo([], 0);
  },
);

programTest(
  "refusals of a megabyte without end are cut before they are in the log of a run",
  async () => {
    await using workspace = await Workspace.make();
    await using run = await listening(workspace, []);
    const port = await portOf(run);
    for (let count = 0; count < REFUSALS; count++) {
      await refuse(port, `${count}`.padEnd(1_000_000, "x"));
    }
    await using _worker = await Program.start(["worker", "--connect", `127.0.0.1:${port}`]);
    const ended = await endOf(run);
    assert.equal(ended.code, 0, ended.stderr.slice(-2_000));
    assert.match(ended.stderr, /refused the version exchange: \d+x/);
    assert(ended.stderr.length < REFUSALS * 5_000, `${ended.stderr.length} characters of log`);
  },
);

async function lieTo(args: readonly string[], notices: number): Promise<void> {
  await using workspace = await Workspace.make();
  await using run = await listening(workspace, args);
  using _liar = await lie(await portOf(run), notices);
  const ended = await endOf(run);
  assert.equal(ended.code, 1, ended.stderr.slice(-2_000));
  const journal = await stat(workspace.at("outputs/.distcomp/jobs.jsonl"));
  assert(journal.size < JOBS * RECORD_BYTES_MAX, `${journal.size} bytes of journal`);
  assert(ended.stderr.length < LOG_BYTES_MAX, `${ended.stderr.length} characters of log`);
}

slowTest(
  "connections that are idle or come without end keep no worker from a run that listens",
  async () => {
    await using workspace = await Workspace.make();
    await using run = await listening(workspace, []);
    const port = await portOf(run);
    await using _idle = await Attacker.start("idle connections", port, 200);
    await using _endless = await Attacker.start("connections without end", port);
    await using _worker = await Program.start(["worker", "--connect", `127.0.0.1:${port}`]);
    const ended = await endOf(run);
    assert.equal(ended.code, 0, ended.stderr.slice(-2_000));
    assert.equal(Object.keys(await workspace.outputs()).length, JOBS);
    assert(ended.stderr.length < 100_000, `${ended.stderr.length} characters of log`);
  },
);

async function listening(workspace: Workspace, args: readonly string[]): Promise<Program> {
  const repeat = ["--repeat", String(JOBS), "--retries", "0"];
  return await workspace.start(
    ["run", await core("behave"), ...repeat, "--listen", "127.0.0.1:0", ...args],
  );
}

async function portOf(run: Program): Promise<number> {
  const [, port] = await run.printed("stderr", /^waiting for workers on .*:(\d+)$/m);
  return Number(port);
}
