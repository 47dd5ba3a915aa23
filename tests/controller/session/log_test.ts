/** The log of a session: what cores print, with the job that printed it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Log, Session } from "../../../mod.ts";
import { Workspace } from "../../cli/workspace.ts";
import { core } from "../../lib/cores.ts";
import { eventually, startWorker, WAIT_LIMIT_MS } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";

const execute = promisify(execFile);
const [MOD, CONFIG] = ["mod.ts", "deno.json"].map((name) => {
  return fileURLToPath(new URL(`../../../${name}`, import.meta.url));
});

const PRINTS = await core("prints_jobs", { REFUSES: 0 });

const WANTED = [
  "core: loading a model",
  "job 0: job a",
  "job 0: then a",
  "job 1: job b",
  "job 1: then b",
];

/** Its log throws, as does that of its worker. Such errors reach the program, and nobody else. */
const THROWING = `
  import process from "node:process";
  import { Session, WorkerServer } from ${JSON.stringify(MOD)};
  const thrown = new Set();
  process.on("uncaughtException", (error) => thrown.add(error.message));
  const throwing = (name) => () => { throw new Error(name); };
  const logOf = (who) => {
    const names = ["info", "warn", "printed"];
    return Object.fromEntries(names.map((name) => [name, throwing(who + " " + name)]));
  };
  const [core] = process.argv.slice(2);
  await using worker = await WorkerServer.listen("127.0.0.1:0", { slots: 1, log: logOf("worker") });
  for (const workers of [[], [worker.address]]) {
    await using session = await Session.open({ core, slots: 1, workers, log: logOf("session") });
    for (const input of ["a", "b"]) await session.run(new TextEncoder().encode(input));
    const { succeeded, failed } = session.stats();
    console.log(succeeded, failed);
  }
  const printed = () => [...thrown].filter((text) => text.endsWith("printed"));
  while (printed().length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  console.log(printed().sort().join());
`;

test("what a log throws is an error of the program, and disturbs neither its session nor its worker", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("main.js", THROWING);
  const run = process.versions.bun
    ? ["run"]
    : ["run", "--allow-all", "--quiet", `--config=${CONFIG}`];
  const args = [...run, workspace.at("main.js"), PRINTS];
  const { stdout } = await execute(process.execPath, args, { timeout: WAIT_LIMIT_MS });
  assert.equal(stdout, "2 0\n2 0\nsession printed,worker printed\n");
});

/** Runs two jobs that print. Resolves to what came to the log. */
async function printedIn(workers: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  const log: Log = { info() {}, warn() {}, printed: (text) => lines.push(text) };
  await using session = await Session.open({ core: PRINTS, slots: 1, workers, log });
  for (const input of ["a", "b"]) await session.run(new TextEncoder().encode(input));
  await eventually("all lines have come", () => lines.length >= WANTED.length);
  return lines.toSorted();
}

test("the log of a session gets what its jobs print on a worker of its own", async () => {
  assert.deepEqual(await printedIn([]), WANTED);
});

test("the log of a session gets what its jobs print on another worker", async () => {
  await using worker = await startWorker({ slots: 1 });
  assert.deepEqual(await printedIn([`127.0.0.1:${worker.port}`]), WANTED);
});
