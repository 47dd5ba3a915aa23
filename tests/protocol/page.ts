/** Reads PROTOCOL.md for the tests: its two parts, its example frames and its tables. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as protocol from "../../protocol/mod.ts";
import { concat, fromHex } from "./bytes.ts";

/** The part about version 1, and the part about version 2. */
export const [page1 = "", page2 = ""] = readFileSync(
  new URL("../../protocol/PROTOCOL.md", import.meta.url),
  "utf8",
).split("\n# The worker protocol, version 2\n");

/** One line of a hex block: bytes, and what the page says about them. */
export interface Line {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly field: string;
  readonly value: string;
}

export interface Block {
  readonly sender: "controller" | "worker";
  readonly lines: readonly Line[];
  readonly frame: protocol.Frame;
}

/** The fields of a frame by name, as the page writes them. */
export type Fields = Record<string, string>;

export interface TableRow {
  readonly offset: string;
  readonly bytes: string;
  readonly type: string;
}

export function parseBlocks(text: string): Block[] {
  return [...text.matchAll(/^```hex (controller|worker)\n(.+?)^```$/gms)].map((match) => {
    const lines = (match[2] ?? "").trimEnd().split("\n").map(parseLine);
    const [frame, ...others] = new protocol.FrameDecoder().feed(
      concat(lines.map(({ bytes }) => bytes)),
    );
    assert(frame && others.length === 0, "a block on the page is one whole frame");
    return { sender: match[1] as Block["sender"], lines, frame };
  });
}

function parseLine(line: string): Line {
  const match = line.match(/^([0-9a-f]{2}(?: [0-9a-f]{2})*) {4,}([a-z ]+): (.+)$/);
  const [, hex, field, value] = match ?? [];
  assert(hex && field && value, `not "bytes    field: value": ${line}`);
  return { bytes: fromHex(hex), field, value };
}

/** The part of the page about one message. */
export function sectionOf(text: string, messageType: number): string {
  const heading = `### \`0x${messageType.toString(16).padStart(2, "0")}\``;
  const [, section] = text.split(heading);
  assert(section, `the page has a section ${heading}`);
  return section.split("\n#")[0] ?? "";
}

/** The values in the second column of the table below a heading. */
export function valuesBelow(text: string, heading: string): string[] {
  const [, section = ""] = text.split(`\n## ${heading}\n`);
  const [, rows = ""] = section.match(/^\| -.*\n((?:\|.*\n)+)/m) ?? [];
  return rows.trimEnd().split("\n").map((row) => (row.split("|")[2] ?? "").trim());
}

/** The types of the frames that one side sends in a session. */
export function typesFrom(session: readonly Block[], sender: Block["sender"]): Set<number> {
  return new Set(session.filter((block) => block.sender === sender).map(({ frame }) => frame.type));
}

/** What the page says beside the bytes of a block. */
export function fieldsOf(lines: readonly Line[]): Fields {
  return Object.fromEntries(lines.map(({ field, value }) => [field, value]));
}

export function headerFields(frame: protocol.Frame): Fields {
  return {
    type: `0x${frame.type.toString(16).padStart(2, "0")}`,
    id: String(frame.id),
    "payload length": String(frame.payload.byteLength),
  };
}

/** The message before frame `index` of a session that this response in it answers. */
export function askedBy(
  session: readonly Block[],
  response: protocol.Frame,
  index: number,
): protocol.Frame {
  const question = session.slice(0, index).find(({ sender, frame }) =>
    sender === "controller" && frame.id === response.id
  );
  assert(question, `nothing before frame ${index + 1} asked for id ${response.id}`);
  return question.frame;
}

/** Each number in a block is beside its own bytes. */
export function assertNumbersAreTheirBytes(lines: readonly Line[]): void {
  for (const { bytes, value } of lines.filter(({ value }) => /^-?\d+$/.test(value))) {
    assert.equal(littleEndian(bytes), BigInt.asUintN(8 * bytes.byteLength, BigInt(value)));
  }
}

/** The tables of the fields of a payload, or of a frame. */
export function parseByteTables(text: string): TableRow[][] {
  return [...text.matchAll(/^\| offset +\| bytes .*\n\| -.*\n((?:\|.*\n)+)/gm)].map((table) =>
    (table[1] ?? "").trimEnd().split("\n").map((row) => {
      const [, offset = "", bytes = "", type = ""] = row.split("|");
      return { offset, bytes, type: type.trim() };
    })
  );
}

/** The fields of a table follow each other without a gap. */
export function assertNoGaps(rows: readonly TableRow[]): void {
  let end = 0;
  for (const { offset, bytes } of rows) {
    assert.equal(evaluate(offset), end);
    end += evaluate(bytes);
  }
}

/** The value of a sum like "8 + n" or "32 c", with a value for each variable that makes every sum unique. */
function evaluate(sum: string): number {
  const lengths: Record<string, number> = {
    n: 1_000,
    m: 1_000_000,
    p: 1_000_000_000,
    s: 3_000_000,
    h: 5_000_000_000,
    c: 7,
  };
  return sum.split("+")
    .map((term) => term.trim().split(" ").map((factor) => lengths[factor] ?? Number(factor)))
    .reduce((total, factors) => total + factors.reduce((product, factor) => product * factor), 0);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
}

export function quote(bytes: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(bytes));
}
