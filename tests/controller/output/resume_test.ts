/** Which jobs a resumed run skips: none whose output is another core's or another input's. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { checksumText } from "../../../controller/output/journal/checksum.ts";
import { STATE_FOLDER } from "../../../controller/output/state_folder.ts";
import { Journal, journalIn } from "../../../controller/output/journal/journal.ts";
import {
  formatRecord,
  formatRunEvent,
  type JobRecord,
  parseLine,
} from "../../../controller/output/journal/journal_record.ts";
import { Resume } from "../../../controller/output/resume.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { Workspace } from "../../cli/workspace.ts";
import fc from "../../lib/properties.ts";
import { runs } from "../../lib/random.ts";
import { test } from "../../lib/test.ts";
import { CORE, recordOf } from "./records.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";

const JOBS = ["a", "b", "c", "d"];
const BEGUN = formatRunEvent("begun", "node7", 17, 0);
const ENDED = formatRunEvent("ended", "node7", 17, 0);

/** What outputs are made by: a core, and a state of the inputs. */
interface Maker {
  readonly core: string;
  readonly identity: string;
}

const MAKERS: readonly Maker[] = [CORE, "0e".repeat(32)].flatMap((core) =>
  ["file-1", "file-2"].map((identity) => ({ core, identity }))
);
const ONE = MAKERS[0] as Maker;

/** A run: what it makes, of which jobs, and how many of the last records are lost as it is killed. */
interface EarlierRun {
  readonly maker: Maker;
  readonly jobs: readonly string[];
  readonly lost: number | undefined;
}

const RUN: fc.Arbitrary<EarlierRun> = fc.record({
  maker: fc.constantFrom(...MAKERS),
  jobs: fc.uniqueArray(fc.constantFrom(...JOBS)),
  lost: fc.option(fc.nat(4), { nil: undefined }),
});

/** What becomes of a journal's bytes. Losing whole lines and nothing else cannot be seen. */
const DAMAGE = fc.record({
  kind: fc.constantFrom("none", "flip", "zero", "tear"),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  length: fc.integer({ min: 1, max: 800 }),
});

test("no job is skipped for the output of another core or input, whatever was killed or damaged", async () => {
  await using workspace = await Workspace.makeInMemory();
  const folder = workspace.at("out");
  await mkdir(`${folder}/${STATE_FOLDER}`, { recursive: true });
  await fc.assert(
    fc.asyncProperty(
      fc.array(RUN, { minLength: 1, maxLength: 6 }),
      DAMAGE,
      async (runs, damage) => {
        const journal = Buffer.from(journalOf(runs));
        const hurt = damaged(journal, damage);
        fc.pre(damage.kind === "none" || !isWhole(hurt));
        await writeFile(journalIn(folder), hurt);
        const owners = new Map(runs.flatMap(({ maker, jobs }) => jobs.map((job) => [job, maker])));
        for (const [job, maker] of owners) await writeFile(`${folder}/${job}`, outputOf(maker));
        for (const maker of MAKERS) {
          await (await Journal.open(systemFiles, folder, {
            core: maker.core,
            fresh: false,
            clock: systemClock,
          }))
            .close(true);
          for (const job of await doneIn(folder, maker)) assert.equal(owners.get(job), maker);
        }
      },
    ),
    runs(150),
  );
});

test("after a killed run, jobs recorded before it are skipped only if their outputs have the checksum", async () => {
  await using workspace = await Workspace.make();
  const folder = workspace.at("out");
  await workspace.writeAll({ "out/a": "one", "out/b": "ONE", "out/c": "ONE", "out/d": "ONE" });
  const [a, b, c, d] = JOBS.map((job) => lineOf(job, ONE));
  const path = `out/${STATE_FOLDER}/jobs.jsonl`;
  await workspace.write(path, `${a}${b}${BEGUN}${c}${BEGUN}${d}${ENDED}${BEGUN}`);
  assert.deepEqual(await doneIn(folder, ONE), ["a", "c", "d"], "for the others the size is enough");
  await workspace.write(path, `${a}${b}${BEGUN}${c}${ENDED}${BEGUN}${d}${ENDED}${BEGUN}`);
  assert.deepEqual(await doneIn(folder, ONE), ["a", "b", "c", "d"]);
});

test("a record that was checked and is right is repeated, and needs no check from then on", async () => {
  await using workspace = await Workspace.make();
  const folder = workspace.at("out");
  await workspace.write("out/a", outputOf(ONE));
  await workspace.write(`out/${STATE_FOLDER}/jobs.jsonl`, `${lineOf("a", ONE)}garbage\n`);
  const journal = await Journal.open(systemFiles, folder, {
    core: CORE,
    fresh: false,
    clock: systemClock,
  });
  const [checked] = await outcomesIn(folder, ONE);
  assert(checked?.state === "done" && checked.repeat);
  journal.add(checked.repeat);
  await journal.close(true);
  const lines = (await readFile(journalIn(folder), "utf8")).split("\n");
  assert.equal(lines.filter((line) => `${line}\n` === lineOf("a", ONE)).length, 2, "as it was");
  const [trusted] = await outcomesIn(folder, ONE);
  assert(trusted?.state === "done" && !trusted.repeat);
});

test("a failed job is skipped only if it has no output: a killed run may have written one without its record", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("out/b", "an output");
  await workspace.write(`out/${STATE_FOLDER}/jobs.jsonl`, `${failureOf("a")}${failureOf("b")}`);
  const found = await outcomesIn(workspace.at("out"), ONE);
  assert.deepEqual(found.map((outcome) => outcome?.state), [
    "failed",
    undefined,
    undefined,
    undefined,
  ]);
  assert(found[0]?.state === "failed");
  assert.equal((await found[0].reason()).error, "exit code 3");
  const again = await outcomesIn(workspace.at("out"), ONE, true);
  assert.deepEqual(again, JOBS.map(() => undefined), "with --retry-failed none is skipped");
});

test("a failed job beside whose record a file stayed is skipped, unless a killed run may have replaced that file", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "out/a": "of the user", "out/b": "of the user" });
  const journal = `out/${STATE_FOLDER}/jobs.jsonl`;
  const kept = failureOf("a", { kept: true });
  const states = async (text: string) => {
    await workspace.write(journal, text);
    const found = await outcomesIn(workspace.at("out"), ONE);
    return found.slice(0, 2).map((outcome) => outcome?.state);
  };
  const [begun, ended] = [BEGUN, ENDED];
  assert.deepEqual(await states(`${begun}${kept}${failureOf("b")}${ended}`), ["failed", undefined]);
  assert.deepEqual(await states(`${begun}${kept}${ended}${begun}${ended}${begun}`), [
    "failed",
    undefined,
  ]);
  assert.deepEqual(await states(`${begun}${kept}${ended}${begun}${begun}`), [undefined, undefined]);
});

test("the jobs that a run expects to skip are those that are done, and failed ones unless it retries them", async () => {
  await using workspace = await Workspace.make();
  const lines = [
    lineOf("a", ONE),
    failureOf("b"),
    failureOf("c"),
    lineOf("d", { ...ONE, core: "c1".repeat(32) }),
  ];
  await workspace.write(`out/${STATE_FOLDER}/jobs.jsonl`, lines.join(""));
  for (const [retryFailed, expected] of [[false, 3], [true, 1]] as const) {
    const resume = await Resume.load(systemFiles, workspace.at("out"), {
      core: ONE.core,
      retryFailed,
    });
    assert.equal(resume.skipsExpected, expected);
  }
});

test("a job is not skipped if its output has another size, is missing, or if it was never sent", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "out/a": outputOf(ONE), "out/b": "longer than it was" });
  const never = { input: "d", identity: ONE.identity, state: "failed", attempt: 0 } as const;
  const lines = ["a", "b", "c"].map((job) => lineOf(job, ONE));
  lines.push(formatRecord(recordOf(0, never), ONE.core));
  await workspace.write(`out/${STATE_FOLDER}/jobs.jsonl`, lines.join(""));
  const found = await outcomesIn(workspace.at("out"), ONE);
  assert.deepEqual(found.map((outcome) => outcome?.state), [
    "done",
    undefined,
    undefined,
    undefined,
  ]);
});

/** As runs write it. */
function journalOf(runs: readonly EarlierRun[]): string {
  let text = "";
  for (const { maker, jobs, lost } of runs) {
    const isFirst = text === "";
    if (!isFirst) text += BEGUN;
    const recorded = jobs.slice(0, jobs.length - (lost ?? 0));
    text += recorded.map((job) => lineOf(job, maker)).join("");
    if (!isFirst && lost === undefined) text += ENDED;
  }
  return text;
}

/** All outputs have the same size. */
function outputOf(maker: Maker): string {
  return ["one", "two", "six", "ten"][MAKERS.indexOf(maker)] as string;
}

function lineOf(job: string, maker: Maker): string {
  const output = Buffer.from(MAKERS.includes(maker) ? outputOf(maker) : "any");
  const facts = { bytesOut: output.byteLength, crcOut: checksumText(crc32(output)) };
  return formatRecord(recordOf(0, { input: job, identity: maker.identity, ...facts }), maker.core);
}

/** The line of a job that has failed with the core and the inputs of `ONE`. */
function failureOf(job: string, changes: Partial<JobRecord> = {}): string {
  const facts = {
    ...changes,
    input: job,
    identity: ONE.identity,
    state: "failed",
    error: "exit code 3",
  } as const;
  return formatRecord(recordOf(0, facts), ONE.core);
}

/** What a run of that core finds done with that state of the inputs. */
async function outcomesIn(folder: string, { core, identity }: Maker, retryFailed = false) {
  const resume = await Resume.load(systemFiles, folder, { core, retryFailed });
  return await resume.outcomesOf(JOBS.map((name) => ({ name, identity })));
}

async function doneIn(folder: string, maker: Maker): Promise<string[]> {
  const outcomes = await outcomesIn(folder, maker);
  return JOBS.filter((_, index) => outcomes[index]?.state === "done");
}

function damaged(
  journal: Buffer,
  { kind, at: part, length }: { kind: string; at: number; length: number },
): Buffer {
  const at = Math.floor(part * journal.byteLength);
  if (kind === "none" || journal.byteLength === 0) return journal;
  const copy = Buffer.from(journal);
  if (kind === "tear") return copy.subarray(0, at);
  if (kind === "flip") copy[at] = (copy[at] as number) ^ (length % 255 + 1);
  else copy.fill(0, at, Math.min(at + length, copy.byteLength));
  return copy;
}

/** Whether nothing can be seen of damage. */
function isWhole(journal: Buffer): boolean {
  const lines = journal.toString("latin1").split("\n").filter((line) => line !== "");
  return lines.every((line) => parseLine(Buffer.from(line, "latin1")).kind !== "damaged");
}
