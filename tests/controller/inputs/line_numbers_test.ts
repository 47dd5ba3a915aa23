/** The numbers of lines, of which earlier runs have numbered some. */

import assert from "node:assert/strict";
import { type KeptNumbers, LineNumbers } from "../../../controller/inputs/line_numbers.ts";
import type { KnownLines } from "../../../controller/output/finished_jobs.ts";
import fc from "../../lib/properties.ts";
import { test } from "../../lib/test.ts";

test("without earlier runs, a line has its place as its number", () => {
  const numbers = new LineNumbers(6);
  assert.deepEqual(["a", "b"].map((line, place) => numbers.numberOf(line, place)), [
    "000000",
    "000001",
  ]);
});

const LINES = fc.uniqueArray(fc.nat(30), { maxLength: 20 });
const EARLIER = fc.uniqueArray(fc.tuple(fc.nat(30), fc.nat(30)), {
  selector: ([line]) => line,
  maxLength: 20,
}).filter((pairs) => new Set(pairs.map(([, number]) => number)).size === pairs.length)
  .map((pairs) => new Map(pairs.map(([line, number]) => [String(line), number])));

test("no two lines of a run get one number, and known lines keep theirs", () => {
  fc.assert(fc.property(LINES, EARLIER, fc.boolean(), (file, earlier, isPipe) => {
    const knows = knownLines(earlier);
    const kept = isPipe
      ? { isKept: (number: number) => knows.has(number), end: knows.lastNumber + 1 }
      : keptIn(file, earlier);
    const given = numbersOf(file, new LineNumbers(6, knows, kept));
    assert.equal(new Set(given).size, given.length, `${given}`);
    file.forEach((line, place) => {
      const number = earlier.get(String(line));
      if (number !== undefined) assert.equal(given[place], number);
    });
  }));
});

test("no two lines of a run get one number if the file changes after the first pass over it", () => {
  fc.assert(fc.property(LINES, LINES, EARLIER, (first, second, earlier) => {
    const given = numbersOf(
      second,
      new LineNumbers(6, knownLines(earlier), keptIn(first, earlier)),
    );
    assert.equal(new Set(given).size, given.length, `${given}`);
  }));
});

/** What the first pass over a file finds. */
function keptIn(file: readonly number[], earlier: ReadonlyMap<string, number>): KeptNumbers {
  const moved = new Set(
    file.flatMap((line, place) => {
      const number = earlier.get(String(line));
      return number === undefined || number === place ? [] : [number];
    }),
  );
  const last = Math.max(-1, ...earlier.values());
  return { isKept: (number) => moved.has(number), end: Math.max(file.length, last + 1) };
}

function numbersOf(file: readonly number[], numbers: LineNumbers): number[] {
  return file.map((line, place) => Number(numbers.numberOf(String(line), place)));
}

function knownLines(numbers: ReadonlyMap<string, number>): KnownLines {
  const text = (number: number | undefined) =>
    number === undefined ? undefined : String(number).padStart(6, "0");
  return {
    numberOf: (identity) => text(numbers.get(identity)),
    has: (number) => [...numbers.values()].includes(number),
    lastNumber: Math.max(-1, ...numbers.values()),
  };
}
