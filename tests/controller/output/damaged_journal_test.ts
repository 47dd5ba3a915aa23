/** A run that resumes with a damaged journal: which jobs it runs again, and what it writes then. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { checksumText } from "../../../controller/output/journal/checksum.ts";
import { STATE_FOLDER } from "../../../controller/output/state_folder.ts";
import { Journal, journalIn } from "../../../controller/output/journal/journal.ts";
import { formatRecord, formatRunEvent } from "../../../controller/output/journal/journal_record.ts";
import { Resume } from "../../../controller/output/resume.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { Workspace } from "../../cli/workspace.ts";
import fc from "../../lib/properties.ts";
import { runs } from "../../lib/random.ts";
import { test } from "../../lib/test.ts";
import { CORE, recordOf } from "./records.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";

const NAMES = ["a", "b/c", "ü", 'quote"', "last"];
const IDENTITY = "file-1";
const EVENTS = [formatRunEvent("begun", "node7", 17, 0), formatRunEvent("ended", "node7", 17, 0)];

/** A line of the journal, and the job whose record it is, if it is one. */
interface Line {
  readonly name?: string;
  readonly text: string;
}

/** Three runs: one, one that was killed, and one that ended. */
const LINES: readonly Line[] = [
  ...NAMES.slice(0, 2).map(lineOf),
  { text: EVENTS[0] as string },
  ...NAMES.slice(2, 4).map(lineOf),
  { text: EVENTS[0] as string },
  ...NAMES.slice(4).map(lineOf),
  { text: EVENTS[1] as string },
];
const WHOLE = Buffer.from(LINES.map(({ text }) => text).join(""));

/** A damaged journal, and the jobs whose records may be lost. */
interface Damage {
  readonly journal: Buffer;
  readonly lost: ReadonlySet<string>;
}

const anyPlace = fc.nat(WHOLE.byteLength - 1);
const anyLine = fc.nat(LINES.length - 1);
const anyDamage: fc.Arbitrary<Damage> = fc.oneof(
  anyPlace.map(torn),
  fc.tuple(anyPlace, fc.integer({ min: 1, max: 255 })).map(([at, bits]) => {
    return overwritten(at, at + 1, (byte) => byte ^ bits);
  }),
  fc.tuple(anyPlace, fc.nat(2000)).map(([at, length]) => {
    return overwritten(at, Math.min(WHOLE.byteLength, at + length), () => 0);
  }),
  fc.tuple(anyPlace, fc.uint8Array({ minLength: 1, maxLength: 300 })).map(([at, bytes]) => {
    const journal = Buffer.concat([WHOLE.subarray(0, at), bytes, WHOLE.subarray(at)]);
    return { journal, lost: touchedBy(at - 1, at + 1) };
  }),
  anyLine.map((index) => rearranged(LINES.toSpliced(index, 0, LINES[index] as Line))),
  fc.tuple(anyLine, anyLine).map(([one, other]) => {
    const lines = [...LINES];
    [lines[one], lines[other]] = [lines[other] as Line, lines[one] as Line];
    return rearranged(lines);
  }),
);

test("whatever happens to a journal, only the jobs of the damaged lines run again", async () => {
  await using workspace = await prepared();
  await fc.assert(
    fc.asyncProperty(anyDamage, async ({ journal, lost }) => {
      await writeFile(journalIn(workspace.path), journal);
      const done = await doneIn(workspace.path);
      for (const name of NAMES) assert(done.has(name) || lost.has(name), `${name} runs again`);
    }),
    runs(200),
  );
});

test("a line with a field of another type costs its own job only", async () => {
  await using workspace = await prepared();
  const wrong = { ...recordFor("a"), identity: 9 as unknown as string };
  const journal = WHOLE.toString().replace(lineOf("a").text, formatRecord(wrong, CORE));
  await writeFile(journalIn(workspace.path), journal);
  assert.deepEqual([...await doneIn(workspace.path)], NAMES.filter((name) => name !== "a"));
});

test("a run that resumes with any journal adds records that the next run can read", async () => {
  await using workspace = await prepared();
  await fc.assert(
    fc.asyncProperty(anyDamage, async ({ journal: damaged }) => {
      await writeFile(journalIn(workspace.path), damaged);
      const done = await doneIn(workspace.path);
      const options = { core: CORE, fresh: false, clock: systemClock };
      const journal = await Journal.open(systemFiles, workspace.path, options);
      for (const name of NAMES) if (!done.has(name)) journal.add(recordFor(name));
      await journal.close(true);
      assert.deepEqual([...await doneIn(workspace.path)], NAMES);
    }),
    runs(50),
  );
});

async function prepared(): Promise<Workspace> {
  const workspace = await Workspace.makeInMemory();
  await workspace.write(`${STATE_FOLDER}/jobs.jsonl`, WHOLE);
  for (const name of NAMES) await workspace.write(name, outputOf(name));
  return workspace;
}

function outputOf(name: string): string {
  return `output of ${name}`;
}

function recordFor(name: string) {
  const output = Buffer.from(outputOf(name));
  const facts = { bytesOut: output.byteLength, crcOut: checksumText(crc32(output)) };
  return recordOf(NAMES.indexOf(name), { input: name, identity: IDENTITY, ...facts });
}

function lineOf(name: string): Line {
  return { name, text: formatRecord(recordFor(name), CORE) };
}

async function doneIn(folder: string): Promise<Set<string>> {
  const resume = await Resume.load(systemFiles, folder, { core: CORE, retryFailed: false });
  const outcomes = await resume.outcomesOf(NAMES.map((name) => ({ name, identity: IDENTITY })));
  return new Set(NAMES.filter((_, index) => outcomes[index]?.state === "done"));
}

function torn(at: number): Damage {
  return { journal: WHOLE.subarray(0, at), lost: touchedBy(at, WHOLE.byteLength) };
}

function overwritten(from: number, to: number, change: (byte: number) => number): Damage {
  const journal = Buffer.from(WHOLE);
  for (let at = from; at < to; at++) journal[at] = change(journal[at] as number);
  return { journal, lost: touchedBy(from, to) };
}

/** Every line is still there. */
function rearranged(lines: readonly Line[]): Damage {
  return { journal: Buffer.from(lines.map(({ text }) => text).join("")), lost: new Set() };
}

/** The jobs whose lines have a byte, or their line feed, in a part of the journal. */
function touchedBy(from: number, to: number): Set<string> {
  const names = new Set<string>();
  let start = 0;
  for (const { name, text } of LINES) {
    const end = start + Buffer.byteLength(text);
    if (name !== undefined && start < to && end > from) names.add(name);
    start = end;
  }
  return names;
}
