/** Lines of done jobs, which are put together as bytes, say the same as those that JSON makes. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { DoneRecord } from "../../../controller/output/journal/done_line.ts";
import { JournalLines } from "../../../controller/output/journal/journal_lines.ts";
import {
  checkedValue,
  formatRecord,
  formatRunEvent,
} from "../../../controller/output/journal/journal_record.ts";
import { Choices, randomTest, SEED } from "../../lib/random.ts";
import { test } from "../../lib/test.ts";
import { CORE } from "./records.ts";

const PLAIN = ["", "a", "0000098", "this machine", "a/b.dat", "x".repeat(300)];
const ESCAPED = ['a"b', "a\\b", "a\nb", "é", "\u{1f600}", "\udce9", "\x7f"];
const NUMBERS = [
  -7,
  0,
  1.5,
  9,
  10,
  4095,
  99_999,
  2 ** 31 - 1,
  2 ** 31,
  10 ** 9,
  10 ** 12,
  2 ** 53 - 1,
];
const TIMES = [
  -12_345.678,
  -1,
  0,
  0.001,
  0.01,
  0.999,
  1.25,
  10,
  999.999,
  1_795_712_561_377.158,
  1_795_712_561_300,
];

randomTest("a line of a done job has the fields that JSON would have, and its checksum", () => {
  const choices = new Choices(SEED);
  const lines = new JournalLines(CORE);
  for (let round = 0; round < 500; round++) {
    const record = anyRecord(choices);
    // The second one is written over a copy of the first one.
    const records = [record, { ...record, index: record.index + 1 }, record];
    for (const one of records) lines.addDone(one);
    const written = lines.take().toString().split("\n").slice(0, -1);
    assert.deepEqual(
      written.map(fieldsOf),
      records.map((one) => fieldsOf(formatRecord(one, CORE))),
    );
  }
  return Promise.resolve();
});

test("lines are taken out in the order in which they were added, once", () => {
  const lines = new JournalLines(CORE);
  const begun = formatRunEvent("begun", "host", 1, 2);
  lines.add(begun);
  const record = anyRecord(new Choices(SEED));
  lines.addRecord(record);
  const text = begun + formatRecord(record, CORE);
  assert.equal(lines.bytes, Buffer.byteLength(text));
  assert.equal(lines.take().toString(), text);
  assert.deepEqual([lines.bytes, lines.take().byteLength], [0, 0]);
});

function anyRecord(choices: Choices): DoneRecord {
  const text = () => choices.of(choices.onceIn(20) ? ESCAPED : PLAIN);
  const number = () => choices.of(NUMBERS);
  const time = () => choices.of(TIMES);
  const maybe = <T>(value: () => T) => choices.onceIn(2) ? value() : undefined;
  return {
    index: number() % 2 ** 52,
    input: text(),
    state: "done",
    exitCode: 0,
    worker: text(),
    attempt: number(),
    sent: maybe(number),
    verified: maybe(() => true),
    bytesIn: number(),
    bytesOut: number(),
    queuedAt: time(),
    startedAt: maybe(time),
    endedAt: maybe(time),
    runMs: maybe(time),
    cpuMs: maybe(time),
    memoryBytes: maybe(number),
    answeredAt: maybe(time),
    node: maybe(text),
    slot: maybe(number),
    crcOut: "0a1b2c3d",
    packAt: maybe(number),
    packBytes: maybe(number),
    identity: maybe(text),
    file: maybe(text),
    line: maybe(text),
    content: maybe(text),
  };
}

/** The fields of a line with their order, without its checksum, which has to be right. */
function fieldsOf(line: string): [string, unknown][] {
  const value = checkedValue(Buffer.from(line.trimEnd())) ?? assert.fail(line);
  return Object.entries(value).slice(0, -1);
}
