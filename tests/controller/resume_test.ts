/** What a run takes over from earlier ones: never an output that is not its own core's. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import os from "node:os";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { checksumText } from "../../controller/checksum.ts";
import { STATE_FOLDER } from "../../controller/directory_sink.ts";
import { Journal, journalIn } from "../../controller/journal.ts";
import { formatRecord, formatUnrecorded, parseLine } from "../../controller/journal_record.ts";
import { OutputFolder } from "../../controller/output_folder.ts";
import { Resume } from "../../controller/resume.ts";
import { Workspace } from "../cli/workspace.ts";
import { test } from "../lib/test.ts";
import { CORE, recordOf } from "./records.ts";

const OTHER = "0e".repeat(32);
const JOBS = ["a", "b", "c", "d"];

/** What becomes of a journal's bytes. Losing whole lines and nothing else cannot be seen. */
const DAMAGE = fc.record({
  kind: fc.constantFrom("flip", "zero", "tear"),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  length: fc.integer({ min: 1, max: 800 }),
});

test("whatever is damaged, no output of another core is taken for one's own", async () => {
  await using workspace = await Workspace.make();
  const folder = workspace.at("out");
  await mkdir(`${folder}/${STATE_FOLDER}`, { recursive: true });
  const steps = fc.array(
    fc.record({
      job: fc.constantFrom(...JOBS),
      core: fc.constantFrom(CORE, OTHER),
    }),
    { minLength: 1, maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(steps, DAMAGE, async (steps, damage) => {
      const journal = Buffer.from(steps.map(({ job, core }) => lineOf(job, core)).join(""));
      const hurt = damaged(journal, damage);
      fc.pre(!isWhole(hurt));
      await writeFile(journalIn(folder), hurt);
      const owners = new Map(steps.map(({ job, core }) => [job, core]));
      for (const [job, core] of owners) await writeFile(`${folder}/${job}`, outputOf(core));
      for (const core of [CORE, OTHER]) {
        for (const job of await doneIn(folder, core)) assert.equal(owners.get(job), core);
      }
    }),
    { numRuns: 300 },
  );
});

test("what was recorded before a killed run of another core is compared with its checksum", async () => {
  await using workspace = await Workspace.make();
  const folder = workspace.at("out");
  await workspace.writeAll({ "out/a": "one", "out/b": "ONE", "out/c": "ONE" });
  const lines = [lineOf("a", CORE), lineOf("b", CORE), formatUnrecorded(OTHER), lineOf("c", CORE)];
  await workspace.write(`out/${STATE_FOLDER}/jobs.jsonl`, lines.join(""));
  assert.deepEqual(
    await doneIn(folder, CORE),
    ["a", "c"],
    "only the size of what came after counts",
  );
});

test("a torn line of a killed run of the same core costs no look at what is done", async () => {
  await using workspace = await Workspace.make();
  const folder = workspace.at("out");
  const torn = `${lineOf("b", CORE).slice(0, 50)}\n`;
  for (const [ended, done] of [[formatUnrecorded(CORE), ["a"]], ["", []]] as const) {
    await workspace.write("out/a", "ONE");
    const text = `${lineOf("a", CORE)}${torn}${ended}`;
    await workspace.write(`out/${STATE_FOLDER}/jobs.jsonl`, text);
    assert.deepEqual(await doneIn(folder, CORE), done, "an output of the right size is enough");
  }
});

test("the journal keeps what the lock of a killed run has said", async () => {
  await using workspace = await Workspace.make();
  const folder = workspace.at("out");
  await workspace.write(`out/${STATE_FOLDER}/jobs.jsonl`, lineOf("a", CORE));
  const dead = { pid: 2 ** 22 - 1, host: os.hostname(), start: "1" };
  const lock = { ...dead, core: OTHER, since: "", unrecorded: ["f0".repeat(32)] };
  await workspace.write(`out/${STATE_FOLDER}/lock`, JSON.stringify(lock));
  const options = { core: CORE, fresh: false, retryFailed: false };
  const opened = await OutputFolder.open(folder, options);
  await opened.journal.close();
  await opened.sink.close();
  await opened.release();
  const text = await readFile(journalIn(folder), "utf8");
  const unrecorded = [lock.unrecorded[0] as string, OTHER].map(formatUnrecorded).join("");
  assert.equal(text, `${lineOf("a", CORE)}${unrecorded}`);
  assert.deepEqual(await workspace.leftovers("out"), [], "and the lock is no longer needed");
});

test("a folder with an output whose record came too late stays locked, for the next run to see", async () => {
  await using workspace = await Workspace.make();
  const options = { core: CORE, fresh: false, retryFailed: false };
  const opened = await OutputFolder.open(workspace.at("out"), options);
  await opened.journal.close();
  opened.journal.add(recordOf(1));
  await opened.sink.close();
  await opened.release();
  assert.deepEqual(await workspace.leftovers("out"), ["lock"]);
});

test("a folder with an output that is still on its way stays locked, for the next run to see", async () => {
  await using workspace = await Workspace.make();
  const options = { core: CORE, fresh: false, retryFailed: false };
  const opened = await OutputFolder.open(workspace.at("out"), options);
  const writing = opened.sink.commit("large", new Uint8Array(1_000_000));
  await opened.journal.close();
  await opened.release();
  await writing;
  await opened.sink.close();
  assert.deepEqual(await workspace.leftovers("out"), ["lock"]);
});

test("what killed runs have left is noted on a line of its own, and only where there was something", async () => {
  await using workspace = await Workspace.make();
  await workspace.write(`out/${STATE_FOLDER}/jobs.jsonl`, "torn");
  for (const folder of ["out", "new"]) {
    await mkdir(workspace.at(`${folder}/${STATE_FOLDER}`), { recursive: true });
    const opening = { core: CORE, fresh: false, unrecorded: [OTHER] };
    await (await Journal.open(workspace.at(folder), opening)).close();
  }
  assert.equal(
    await readFile(journalIn(workspace.at("out")), "utf8"),
    `torn\n${formatUnrecorded(OTHER)}`,
  );
  assert.equal(await readFile(journalIn(workspace.at("new")), "utf8"), "");
});

/** Both cores' outputs have the same size. */
function outputOf(core: string): string {
  return core === CORE ? "one" : "two";
}

function lineOf(job: string, core: string): string {
  const output = Buffer.from(outputOf(core));
  const facts = { bytesOut: output.byteLength, crcOut: checksumText(crc32(output)) };
  return formatRecord(recordOf(0, { input: job, identity: "same", ...facts }), core);
}

/** The jobs that a run of that core would not run again. */
async function doneIn(folder: string, core: string): Promise<string[]> {
  const resume = await Resume.load(folder, { core, retryFailed: false });
  const outcomes = await resume.outcomesOf(JOBS.map((name) => ({ name, identity: "same" })));
  return JOBS.filter((_, index) => outcomes[index]?.state === "done");
}

function damaged(
  journal: Buffer,
  { kind, at: part, length }: { kind: string; at: number; length: number },
): Buffer {
  const at = Math.floor(part * journal.byteLength);
  const copy = Buffer.from(journal);
  if (kind === "tear") return copy.subarray(0, at);
  if (kind === "flip") copy[at] = (copy[at] as number) ^ (length % 255 + 1);
  else copy.fill(0, at, Math.min(at + length, copy.byteLength));
  return copy;
}

/** Whether nothing can be seen of damage. */
function isWhole(journal: Buffer): boolean {
  const lines = journal.toString("latin1").split("\n").filter((line) => line !== "");
  return lines.every((line) => parseLine(Buffer.from(line, "latin1")).kind === "record");
}
