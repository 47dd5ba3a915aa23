/** Lines cut from chunks. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { LineCutter } from "../../system/line_cutter.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";

test("lines and their places are the same however the bytes are cut, even if chunks are reused", () => {
  const text = fc.array(fc.constantFrom("a", "\n", "bcd"), { maxLength: 30 });
  const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(text, cuts, fc.boolean(), (parts, sizes, reusesChunks) => {
    const whole = parts.join("");
    const expected: [string, number][] = [];
    let at = 0;
    for (const line of whole.split("\n")) {
      expected.push([line, at]);
      at += line.length + 1;
    }
    if (expected.at(-1)?.[0] === "") expected.pop();
    assert.deepEqual(linesOf(whole, sizes, reusesChunks), expected);
  }));
});

test("a line that is too long keeps its last chunks, and the next line is complete", () => {
  const lines: string[] = [];
  let overlong = 0;
  const cutter = new LineCutter({
    onLine: (line) => lines.push(String(line)),
    lineBytesMax: 10,
    onOverlong: () => overlong += 1,
    reusesChunks: false,
  });
  for (const chunk of ["aaaaaaaa", "bbbbbbbb", "cccc\nd", "ee\n"]) cutter.push(Buffer.from(chunk));
  cutter.end();
  assert.deepEqual(lines, ["bbbbbbbbcccc", "dee"]);
  assert.equal(overlong, 2);
});

test("a line of exactly the limit is not too long, and one byte more is", () => {
  for (const [length, overlongs] of [[10, 0], [11, 1]] as const) {
    const lines: number[] = [];
    let overlong = 0;
    const cutter = new LineCutter({
      onLine: ({ byteLength }) => lines.push(byteLength),
      lineBytesMax: 10,
      onOverlong: () => overlong += 1,
      reusesChunks: false,
    });
    for (let byte = 0; byte < length; byte++) cutter.push(Buffer.from("a"));
    cutter.push(Buffer.from("\n"));
    assert.deepEqual([lines, overlong], [[overlongs === 0 ? 10 : 2], overlongs]);
  }
});

test("a line that never ends keeps no more than the limit in memory", () => {
  let keptBytes = 0;
  const cutter = new LineCutter({
    onLine: ({ byteLength }) => keptBytes = byteLength,
    lineBytesMax: 1_000,
    reusesChunks: true,
  });
  const chunk = Buffer.alloc(300, "a");
  for (let chunks = 0; chunks < 10_000; chunks++) cutter.push(chunk);
  cutter.end();
  assert(keptBytes <= 1_000, `${keptBytes} bytes are kept`);
});

function linesOf(text: string, sizes: readonly number[], reusesChunks: boolean) {
  const lines: [string, number][] = [];
  const cutter = new LineCutter({
    onLine: (line, at) => lines.push([String(line), at]),
    lineBytesMax: 1000,
    reusesChunks,
  });
  const bytes = Buffer.from(text);
  const shared = Buffer.alloc(9);
  for (let at = 0, cut = 0; at < bytes.length; cut++) {
    const size = sizes[cut % sizes.length] as number;
    const chunk = bytes.subarray(at, at + size);
    if (reusesChunks) shared.set(chunk);
    cutter.push(reusesChunks ? shared.subarray(0, chunk.length) : chunk);
    if (reusesChunks) shared.fill(0x21);
    at += size;
  }
  cutter.end();
  return lines;
}
