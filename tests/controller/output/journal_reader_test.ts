/** Reading the journal, whole and damaged. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { checksumText } from "../../../controller/output/journal/checksum.ts";
import {
  type JournalFlaws,
  readJournal,
  readRecordAt,
} from "../../../controller/output/journal/journal_reader.ts";
import {
  formatRecord,
  type JobRecord,
  type ReadRecord,
} from "../../../controller/output/journal/journal_record.ts";
import { Workspace } from "../../cli/workspace.ts";
import fc from "../../lib/properties.ts";
import { runs } from "../../lib/random.ts";
import { test, testUnless } from "../../lib/test.ts";
import { CORE, recordOf } from "./records.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";

const PAGE = readFileSync(new URL("../../../docs/journal.md", import.meta.url), "utf8");

const noPython = toolIsMissing("python3");
const noJq = toolIsMissing("jq");

/** Names and reasons that look like parts of a line, or could break one. */
const TRICKY = [
  'quote"',
  "new\nline",
  "back\\slash",
  "ä € 𝄞",
  "\u0000\u001b[31m",
  "\u2028",
  "\ud800 alone",
  '{"v":1,"index":1,"input":"x"',
  ',"crc":"01234567"}',
  '","crc":"',
  "",
];

/** A longer line is damaged. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

test("records are read as they were written, whatever their names and reasons are", async () => {
  const records = TRICKY.flatMap((text, index) => [
    recordOf(index, { input: text }),
    recordOf(index, { input: `${index}`, state: "failed", error: text }),
  ]);
  const { read, flaws } = await readBack(
    records.map((record) => formatRecord(record, CORE)).join(""),
  );
  assert.deepEqual(read, records.map(asRead));
  assert.deepEqual(flaws, { damaged: 0, newer: 0 });
});

test("a line in which a field has another type is damaged, whatever its checksum says", async () => {
  const full: JobRecord = {
    ...recordOf(0, { state: "failed", error: "why", reason: "why", cause: "crash" }),
    ...{ sent: 1, file: "file", line: "line", content: "content", packAt: 0, packBytes: 1 },
    ...{ queuedAt: 1, startedAt: 2, endedAt: 3, answeredAt: 4, cpuMs: 5, memoryBytes: 6 },
    ...{ node: "node7", slot: 0, printed: ["last words"] },
  };
  for (const [name, value] of Object.entries(full)) {
    for (const wrong of [null, true, {}, [9], typeof value === "string" ? 9 : "9"]) {
      const changed = lineOf({ ...full, [name]: wrong });
      const { read, flaws } = await readBack(formatRecord(full, CORE) + changed);
      assert.equal(read.length, 1, changed);
      assert.deepEqual(flaws, { damaged: 1, newer: 0 });
    }
  }
});

/** A line with a checksum, whatever is in it. */
function lineOf(fields: object): string {
  const text = JSON.stringify({ v: 1, ...fields, core: CORE }).slice(0, -1);
  return `${text},"crc":"${checksumText(crc32(text))}"}\n`;
}

test("a single record is read from the place where it begins", async () => {
  await using workspace = await Workspace.make();
  const records = [0, 1, 2].map((index) => recordOf(index, { error: "x".repeat(index * 100_000) }));
  const path = await workspace.write("j", records.map((r) => formatRecord(r, CORE)).join(""));
  const places: number[] = [];
  await readJournal(systemFiles, path, {
    onRecord: (_record, at) => places.push(at),
    onRun: () => {},
    onFlaw: () => {},
  });
  for (const [index, at] of places.entries()) {
    assert.equal((await readRecordAt(systemFiles, path, at))?.index, index);
  }
  assert.equal(await readRecordAt(systemFiles, path, 5), undefined);
});

test("a record is read from its place although others follow it in the same piece of the file", async () => {
  await using workspace = await Workspace.make();
  const lines = [0, 1, 2].map((index) => formatRecord(recordOf(index), CORE));
  const path = await workspace.write("j", lines.join(""));
  assert.equal((await readRecordAt(systemFiles, path, 0))?.index, 0);
  assert.equal((await readRecordAt(systemFiles, path, (lines[0] as string).length))?.index, 1);
});

test("a line of 16 MiB is read, and of a longer one no more than its end is kept", async () => {
  const emptyBytes = Buffer.byteLength(formatRecord(recordOf(1, { input: "" }), CORE)) - 1;
  for (const [lineBytes, damaged] of [[LINE_BYTES_MAX, 0], [LINE_BYTES_MAX + 1, 1]] as const) {
    const input = "x".repeat(lineBytes - emptyBytes);
    const { read, flaws } = await readBack(formatRecord(recordOf(1, { input }), CORE));
    assert.deepEqual([read.length, flaws.damaged], [1 - damaged, damaged]);
  }
});

test("a reason of a million characters is kept, and of a longer one as many", async () => {
  for (const length of [1024 * 1024, 1024 * 1024 + 1]) {
    const record = recordOf(1, { state: "failed", error: "x".repeat(length) });
    const { read } = await readBack(formatRecord(record, CORE));
    assert.equal(read[0]?.error?.length, 1024 * 1024);
  }
});

test("a record with a reason of any length can be read", async () => {
  const record = recordOf(1, { state: "failed", error: "\u0001".repeat(40_000_000) });
  const { read, flaws } = await readBack(formatRecord(record, CORE));
  assert.deepEqual(flaws, { damaged: 0, newer: 0 });
  assert((read[0]?.error ?? "").startsWith("\u0001".repeat(1_000_000)));
});

test("lines that are no records are counted, and all others are read", async () => {
  const [one, two, three] = [1, 2, 3].map((index) => formatRecord(recordOf(index), CORE));
  const cases: [string, string, number[], JournalFlaws][] = [
    ["nothing", "", [], { damaged: 0, newer: 0 }],
    ["only a line feed", "\n", [], { damaged: 0, newer: 0 }],
    ["an empty line", `${one}\n${two}`, [1, 2], { damaged: 0, newer: 0 }],
    ["garbage", `${one}garbage\n${two}`, [1, 2], { damaged: 1, newer: 0 }],
    ["garbage at the start", `garbage\n${one}`, [1], { damaged: 1, newer: 0 }],
    ["a torn end", `${one}${two?.slice(0, 40)}`, [1], { damaged: 1, newer: 0 }],
    ["a missing last line feed", `${one}${two?.trimEnd()}`, [1, 2], { damaged: 0, newer: 0 }],
    ["a line twice", `${one}${one}${two}`, [1, 1, 2], { damaged: 0, newer: 0 }],
    ["zeros", `${one}${"\0".repeat(5000)}\n${two}`, [1, 2], { damaged: 1, newer: 0 }],
    ["zeros at the end", `${one}${"\0".repeat(5000)}`, [1], { damaged: 1, newer: 0 }],
    [
      "zeros instead of a line and its line feed",
      `${one}${"\0".repeat(two?.length ?? 0)}${three}`,
      [1, 3],
      { damaged: 1, newer: 0 },
    ],
    ["JSON that is no record", `${one}{"v":1}\n[1]\n${two}`, [1, 2], { damaged: 2, newer: 0 }],
    [
      "records of a newer version",
      `${one}${ofVersion(2)}${ofVersion(17)}${two}`,
      [1, 2],
      { damaged: 0, newer: 2 },
    ],
    ["a record of no version", `${one}${ofVersion(0)}${two}`, [1, 2], { damaged: 1, newer: 0 }],
  ];
  for (const [what, text, indices, flaws] of cases) {
    const found = await readBack(text);
    assert.deepEqual(found.read.map(({ index }) => index), indices, what);
    assert.deepEqual(found.flaws, flaws, what);
  }
});

test("a line that is too long for memory is skipped, and the next one is read", async () => {
  const long = "x".repeat(20 * 1024 * 1024);
  const record = formatRecord(recordOf(1), CORE);
  assert.deepEqual((await readBack(`${long}\n${record}`)).read.map(({ index }) => index), [1]);
  const endless = await readBack(`${record}${long}\n${record}${long}`);
  assert.deepEqual(endless.read.map(({ index }) => index), [1, 1]);
  assert.equal(endless.flaws.damaged, 2);
  assert.deepEqual((await readBack(`${long}${record}`)).read.map(({ index }) => index), [1]);
});

test("damage of any kind costs only the lines it touches, and never yields a wrong record", async () => {
  await using workspace = await Workspace.make();
  const path = workspace.at("journal");
  const lines = Array.from({ length: 30 }, (_, index) => {
    const changes: Partial<JobRecord> = index % 3 === 0 ? { state: "failed", error: "why" } : {};
    return formatRecord(recordOf(index, { ...changes, input: TRICKY[index] ?? `${index}` }), CORE);
  });
  const whole = Buffer.from(lines.join(""));
  const place = fc.nat(whole.byteLength - 1);
  const damage = fc.oneof(
    fc.record({
      kind: fc.constant("flip" as const),
      at: place,
      value: fc.integer({ min: 1, max: 255 }),
    }),
    fc.record({ kind: fc.constant("zero" as const), at: place, value: fc.nat(2000) }),
    fc.record({ kind: fc.constant("cut" as const), at: place, value: fc.nat(2000) }),
    fc.record({ kind: fc.constant("end" as const), at: place, value: fc.constant(0) }),
    fc.record({ kind: fc.constant("insert" as const), at: place, value: fc.nat(255) }),
  );
  await fc.assert(
    fc.asyncProperty(damage, async ({ kind, at, value }) => {
      const [from, to] = touched(kind, at, value, whole.byteLength);
      await writeFile(path, damaged(whole, kind, at, value));
      const found: ReadRecord[] = [];
      const flaws = await readCounting(path, found);
      const spared = wholeLines(lines).filter(({ start, end }) => end <= from || start >= to);
      const kept = found.map((record) => record.index);
      for (const { index } of spared) assert(kept.includes(index), `line ${index} was not touched`);
      for (const record of found) {
        assert.equal(
          formatRecord(asWritten(record), CORE),
          lines[record.index],
          "no record is wrong",
        );
      }
      assert(flaws.damaged + found.length >= spared.length);
    }),
    runs(200),
  );
});

testUnless(
  noPython,
  "the Python code in docs/journal.md reads the journal and skips damaged lines",
  async () => {
    await using workspace = await Workspace.make();
    const records = TRICKY.map((input, index) => recordOf(index, { input }));
    const text = records.map((record) => formatRecord(record, CORE)).join("");
    await workspace.write("outputs/.distcomp/jobs.jsonl", `damaged"}\n${text}{"v":1,"ind`);
    const lines = /^ {4}for line in open[^]*?json\.loads\(line\)$/m.exec(PAGE)?.[0] ?? "";
    const program = `import json, zlib\n${
      lines.replace(/^ {4}/gm, "")
    }\n        print(record["index"])\n`;
    const printed = execFileSync("python3", ["-c", program], { cwd: workspace.path }).toString();
    assert.deepEqual(printed.trim().split("\n").map(Number), records.map(({ index }) => index));
  },
);

test("docs/journal.md lists exactly the fields of a record", () => {
  const [, table = ""] = /^\| field +\|.*\n\|[-| ]+\n((?:\|.*\n)+)/m.exec(PAGE) ?? [];
  const fields = [...table.matchAll(/^\| ([^|]+)\|/gm)].flatMap(([, names = ""]) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name)
  );
  const optional = {
    error: "why",
    reason: "why",
    cause: "crash",
    file: "in/a",
    line: "x",
    content: "data-0",
    printed: ["why"],
    sent: 2,
    verified: true,
    packAt: 0,
    packBytes: 1024,
    queuedAt: 1,
    startedAt: 2,
    endedAt: 3,
    answeredAt: 3,
    runMs: 1,
    cpuMs: 1,
    memoryBytes: 4096,
    node: "node7",
    slot: 0,
    kept: true,
  } as const;
  const record = JSON.parse(formatRecord(recordOf(1, optional), CORE));
  assert.deepEqual(fields.sort(), Object.keys(record).sort());
});

testUnless(noJq, "jq reads the journal", () => {
  const text = [recordOf(4), recordOf(5, { state: "failed", error: "why" })]
    .map((record) => formatRecord(record, CORE)).join("");
  const printed = execFileSync("jq", ["-r", 'select(.state == "failed") | .input'], {
    input: text,
  });
  assert.equal(printed.toString(), "inputs/5\n");
});

/** The bytes that are not what or where they were, `to` aside. */
function touched(kind: string, at: number, value: number, length: number): [number, number] {
  if (kind === "flip") return [at, at + 1];
  if (kind === "insert") return [at, at];
  if (kind === "end") return [at, length];
  return [at, Math.min(length, at + value)];
}

function damaged(whole: Buffer, kind: string, at: number, value: number): Buffer {
  const [before, behind] = [whole.subarray(0, at), whole.subarray(at)];
  if (kind === "end") return before;
  if (kind === "cut") return Buffer.concat([before, behind.subarray(value)]);
  if (kind === "insert") return Buffer.concat([before, Buffer.from([value]), behind]);
  const copy = Buffer.from(whole);
  if (kind === "flip") copy[at] = (copy[at] as number) ^ value;
  else copy.fill(0, at, Math.min(copy.byteLength, at + value));
  return copy;
}

/** Where each line is in the file, with its line feed. */
function wholeLines(lines: readonly string[]): { index: number; start: number; end: number }[] {
  let at = 0;
  return lines.map((line, index) => {
    const start = at;
    at += Buffer.byteLength(line);
    return { index, start, end: at };
  });
}

async function readBack(text: string): Promise<{ read: ReadRecord[]; flaws: JournalFlaws }> {
  await using workspace = await Workspace.make();
  const path = await workspace.write("journal", text);
  const read: ReadRecord[] = [];
  const flaws = await readCounting(path, read);
  assert.equal(await readFile(path, "utf8"), text, "reading changes nothing");
  return { read: read.map((record) => asRead(asWritten(record))), flaws };
}

/** Reads a journal's records into `read`, and counts the other lines. */
async function readCounting(path: string, read: ReadRecord[]): Promise<JournalFlaws> {
  const flaws = { damaged: 0, newer: 0 };
  await readJournal(systemFiles, path, {
    onRecord: (record) => read.push(record),
    onRun: () => {},
    onFlaw: (kind) => flaws[kind] += 1,
  });
  return flaws;
}

/** A line as a program of that version would write it. */
function ofVersion(version: number): string {
  const changed = { v: version, ...recordOf(9) } as JobRecord;
  return formatRecord(changed, CORE);
}

function asRead(record: JobRecord): ReadRecord {
  return JSON.parse(JSON.stringify({ ...record, core: CORE }));
}

function asWritten(record: ReadRecord): JobRecord {
  const { v: _v, core: _core, crc: _crc, ...written } = record as ReadRecord & {
    v: number;
    crc: string;
  };
  return written;
}

function toolIsMissing(tool: string): string | undefined {
  return spawnSync("sh", ["-c", `command -v ${tool}`]).status === 0 ? undefined : `no ${tool} here`;
}
