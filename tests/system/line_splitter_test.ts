import assert from "node:assert/strict";
import { LineSplitter } from "../../system/line_splitter.ts";
import { test } from "../lib/test.ts";

const utf8 = new TextEncoder();

test("lines are the same however the bytes are cut, and long ones are cut short", () => {
  const text = `first\r\nzweite Zeile: ü\n\n${"x".repeat(5000)}\nlast`;
  const bytes = utf8.encode(text);
  const whole = linesOf([bytes]);
  assert.deepEqual(whole.slice(0, 3), ["first", "zweite Zeile: ü", ""]);
  assert.equal(whole[3], `${"x".repeat(2000)} …`);
  assert.equal(whole[4], "last");
  for (const size of [1, 2, 3, 7, 1999, 2000, 2001]) {
    const pieces = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    assert.deepEqual(linesOf(pieces), whole, `pieces of ${size}`);
  }
});

test("a line of 2,000 characters is whole, and of one more only the last is cut", () => {
  const lines = [2_000, 2_001].map((length) => linesOf([utf8.encode("x".repeat(length))]));
  assert.deepEqual(lines, [["x".repeat(2_000)], [`${"x".repeat(2_000)} …`]]);
});

function linesOf(pieces: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const piece of pieces) splitter.push(piece);
  splitter.end();
  return lines;
}
