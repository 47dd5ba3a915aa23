/** The log of a session: what cores print, with the job that printed it. */

import assert from "node:assert/strict";
import { type Log, Session } from "../../../mod.ts";
import { core } from "../../lib/cores.ts";
import { eventually, startWorker } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";

const PRINTS = await core("prints_jobs", { REFUSES: 0 });

const WANTED = [
  "core: loading a model",
  "job 0: job a",
  "job 0: then a",
  "job 1: job b",
  "job 1: then b",
];

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
