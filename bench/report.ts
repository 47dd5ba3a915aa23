/**
 * Measures a report of many jobs: how long `distcomp report` takes, how large its page is, and how long a browser takes
 * to show it. Half of the jobs fail, each with a reason of its own, and there are more slots than rows of a screen.
 *
 *     deno task bench:report --jobs 1000000
 *
 * Prints one line of JSON. Without Chromium, nobody opens the page.
 */

import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Chromium, lacksChromium } from "../tests/lib/chromium.ts";
import { journalOf, type RunPlan } from "../tests/report/generated_journal.ts";
import { outputOf } from "./programs.ts";

const BATCH_CHARS = 1_000_000;
const NODES = 32;
const SLOTS_PER_NODE = 16;

const { values } = parseArgs({
  options: { jobs: { type: "string", default: "1000000" }, program: { type: "string" } },
});
const program = values.program ? [values.program] : [
  process.execPath,
  "run",
  "-A",
  "--quiet",
  fileURLToPath(new URL("../cli.ts", import.meta.url)),
];
const folder = mkdtempSync(join(tmpdir(), "distcomp-bench-"));
try {
  console.log(JSON.stringify(await measure(Number(values.jobs))));
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(0);

async function measure(jobs: number) {
  const outputs = join(folder, "outputs");
  const journalBytes = writeJournal(outputs, jobs);
  const page = join(folder, "report.html");
  const startedAtMs = performance.now();
  await outputOf([...program, "report", outputs, "-o", page]);
  const writtenMs = performance.now() - startedAtMs;
  return {
    jobs,
    journal_mb: Math.round(journalBytes / 1e6),
    written_s: Math.round(writtenMs) / 1000,
    page_bytes: statSync(page).size,
    ...(lacksChromium === undefined ? { opened_ms: await openedMs(page) } : {}),
  };
}

function writeJournal(outputs: string, jobs: number): number {
  const path = join(outputs, ".distcomp", "jobs.jsonl");
  mkdirSync(join(outputs, ".distcomp"), { recursive: true });
  const plan: RunPlan = {
    jobs,
    nodes: NODES,
    slotsPerNode: SLOTS_PER_NODE,
    runMs: (_, choices) => 10 * Math.exp(choices.below(4_000) / 1000),
    fields: (job) =>
      job % 2 === 0 ? { state: "failed", error: `exit code 1: no point in ${job}` } : {},
  };
  const file = openSync(path, "w");
  let text = "";
  for (const line of journalOf(plan)) {
    text += line;
    if (text.length < BATCH_CHARS) continue;
    writeSync(file, text);
    text = "";
  }
  writeSync(file, text);
  closeSync(file);
  return statSync(path).size;
}

/** From opening the page until all of its charts are drawn. */
async function openedMs(page: string): Promise<number> {
  await using browser = await Chromium.start();
  await browser.view({ width: 1280, height: 800 });
  await browser.open(pathToFileURL(page).href);
  await browser.until("document.querySelectorAll('.chart canvas').length === 6");
  const times = "performance.getEntriesByType('navigation')[0].loadEventEnd";
  await browser.until(`${times} > 0`);
  return Math.round(await browser.ask<number>(times));
}
