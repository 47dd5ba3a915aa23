/** Plain lines of a journal, read without strings: the same as what `parseLine` reads. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { parseChecksum } from "../../../controller/output/journal/checksum.ts";
import { identityNumber } from "../../../controller/output/journal/job_table.ts";
import {
  formatRecord,
  formatRunEvent,
  type JobRecord,
  parseLine,
  type ReadRecord,
} from "../../../controller/output/journal/journal_record.ts";
import { RecordScanner } from "../../../controller/output/journal/record_scanner.ts";
import { TextHash } from "../../../controller/output/journal/text_hash.ts";
import fc from "../../lib/properties.ts";
import { test } from "../../lib/test.ts";
import { CORE, recordOf } from "./records.ts";

const TEXT = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: "binary", maxLength: 10 }),
  fc.constantFrom(
    'a"b',
    "a/b",
    "line-4-00",
    "a\\b",
    "caf\udce9",
    "ä",
    '","input":"x',
    '","core":"',
  ),
);
const NUMBER = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constant(0));

const RECORD: fc.Arbitrary<JobRecord> = fc.record({
  index: NUMBER,
  input: TEXT,
  state: fc.constantFrom("done", "failed"),
  error: TEXT,
  printed: fc.array(TEXT, { maxLength: 2 }),
  worker: TEXT,
  attempt: NUMBER,
  bytesIn: NUMBER,
  bytesOut: NUMBER,
  queuedAt: fc.double({ noNaN: true, noDefaultInfinity: true }),
  runMs: fc.nat(),
  crcOut: fc.nat(0xffff_ffff).map((crc) => crc.toString(16).padStart(8, "0")),
  identity: TEXT,
  content: TEXT,
  packAt: NUMBER,
  packBytes: NUMBER,
}, {
  requiredKeys: ["index", "input", "state", "attempt", "bytesIn", "bytesOut"],
}) as fc.Arbitrary<JobRecord>;

test("a record without a place in a pack has not that of the record before it", () => {
  const scanner = new RecordScanner(CORE);
  assert(scanner.scan(lineOf(recordOf(0, { packAt: 512, packBytes: 1024 }), CORE)));
  assert.deepEqual([scanner.packAt, scanner.packBytes], [512, 1024]);
  assert(scanner.scan(lineOf(recordOf(1), CORE)));
  assert.deepEqual([scanner.packAt, scanner.packBytes], [0, 0]);
});

test("what is read of a plain line is what its JSON says, whatever the record", () => {
  const scanner = new RecordScanner(CORE); // one for all lines: it keeps nothing of the one before
  fc.assert(fc.property(RECORD, fc.boolean(), (record, isSameCore) => {
    const core = isSameCore ? CORE : "d1".repeat(32);
    const line = lineOf(record, core);
    const isPlain = scanner.scan(line);
    const parsed = parseLine(line);
    assert(parsed.kind === "record");
    if (isPlain) assertIs(scanner, parsed.record);
    scanner.take(parsed.record); // as it is done with the record of a line that is not plain
    assertIs(scanner, parsed.record);
  }));
});

function assertIs(scanner: RecordScanner, record: ReadRecord): void {
  const { input, state, attempt, bytesOut, crcOut, identity, content, core } = record;
  const { packAt = 0, packBytes = 0 } = record;
  assert.deepEqual([...scanner.input.words], wordsOf(input));
  assert.equal(scanner.state, state);
  assert.equal(scanner.attempt, attempt);
  assert.equal(scanner.bytesOut, bytesOut);
  assert.equal(scanner.crcOut, crcOut === undefined ? 0 : parseChecksum(crcOut));
  assert.equal(scanner.identity, identity === undefined ? 0 : identityNumber(identity));
  if (identity !== undefined) assert.equal(scanner.identityHash.number, scanner.identity);
  assert.equal(scanner.content, content === undefined ? 0 : identityNumber(content));
  assert.deepEqual([scanner.packAt, scanner.packBytes], [packAt, packBytes]);
  assert.equal(scanner.isSameCore, core === CORE);
  assert.equal(scanner.isOfLine, identity?.startsWith("line-") ?? false);
  assert.equal(scanner.inputName, input);
  assert.equal(scanner.folderedInput, input.includes("/") ? input : undefined);
}

test("the line of a job that is done is plain, and nothing of it is left for the next line", () => {
  const scanner = new RecordScanner(CORE);
  const content = `data-5-${"0f".repeat(16)}`;
  assert(scanner.scan(lineOf(recordOf(7, { content }), CORE)));
  assert.equal(scanner.content, identityNumber(content));
  assert(scanner.scan(lineOf(recordOf(8), CORE)));
  assert.equal(scanner.content, 0);
  assert.equal(scanner.bytesOut, 16);
  const { identity: _, crcOut: __, ...unread } = recordOf(9);
  assert(scanner.scan(lineOf({ ...unread, state: "failed", attempt: 0, error: "no" }, CORE)));
  assert.deepEqual([scanner.identity, scanner.crcOut, scanner.state], [0, 0, "failed"]);
});

test("a line with a flipped bit, a torn one, and one that is no record are left to others", () => {
  const scanner = new RecordScanner(CORE);
  const line = lineOf(recordOf(7), CORE);
  for (let at = 0; at < line.byteLength; at++) {
    for (const bit of [1, 32, 128]) {
      const damaged = Buffer.from(line);
      damaged[at] = (damaged[at] as number) ^ bit;
      assert(!scanner.scan(damaged), `byte ${at}, bit ${bit}`);
    }
    assert(!scanner.scan(line.subarray(0, at)), `${at} bytes`);
  }
  const event = Buffer.from(formatRunEvent("begun", "node7", 1, 0).trimEnd());
  assert(!scanner.scan(event));
});

test("a text and its bytes have the same hash, and texts that differ in one place have another one", () => {
  const [one, other] = [new TextHash(), new TextHash()];
  const seen = new Set<string>();
  for (let length = 0; length < 200; length++) {
    const text = "x".repeat(length);
    one.setText(text);
    other.setAscii(Buffer.from(`--${text}--`), 2, 2 + length);
    assert.deepEqual(one.words, other.words);
    for (let at = 0; at < length; at++) {
      seen.add(wordsOf(`${text.slice(0, at)}y${text.slice(at + 1)}`).join());
    }
  }
  assert.equal(seen.size, 199 * 200 / 2);
});

/**
 * Of 100,000 numbers of 32 bits that were drawn at random, one is equal to another. Of a word it was 68 for the worst of
 * 7,000 seeds.
 */
const EQUAL_WORDS_MAX = 1_000;

test("100,000 names have different hashes, also of 53 bits, and few of their words are equal", () => {
  const count = 100_000;
  const hash = new TextHash();
  for (const prefix of ["", "a/rather/long/folder/", "file-0-1700000000000-66e1b9e8-"]) {
    const numbers = new Set<number>();
    const words = [new Set<number>(), new Set<number>(), new Set<number>()];
    for (let index = 0; index < count; index++) {
      hash.setText(`${prefix}${index}`);
      numbers.add(hash.number);
      hash.words.forEach((word, at) => words[at]?.add(word));
    }
    assert.equal(numbers.size, count, prefix);
    for (const set of words) assert(count - set.size < EQUAL_WORDS_MAX, `${prefix}: ${set.size}`);
  }
});

function lineOf(record: JobRecord, core: string): Buffer {
  return Buffer.from(formatRecord(record, core).trimEnd());
}

function wordsOf(text: string): number[] {
  const hash = new TextHash();
  hash.setText(text);
  return [...hash.words];
}
