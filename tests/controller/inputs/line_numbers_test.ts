/** The numbers of lines, of which earlier runs have numbered some. */

import assert from "node:assert/strict";
import { LineNumbers } from "../../../controller/inputs/line_numbers.ts";
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

test("no two lines of a run get one number, and known lines keep theirs", () => {
  const lines = fc.uniqueArray(fc.nat(30), { maxLength: 20 });
  const known = fc.uniqueArray(fc.tuple(fc.nat(30), fc.nat(30)), {
    selector: ([line]) => line,
    maxLength: 20,
  }).filter((pairs) => new Set(pairs.map(([, number]) => number)).size === pairs.length);
  fc.assert(fc.property(lines, known, fc.boolean(), (file, pairs, isPipe) => {
    const earlier = new Map(pairs.map(([line, number]) => [String(line), number]));
    const knows = knownLines(earlier);
    const moved = new Set(
      file.flatMap((line, place) => {
        const number = earlier.get(String(line));
        return number === undefined || number === place ? [] : [number];
      }),
    );
    const numbers = new LineNumbers(6, knows, {
      isKept: (number) => isPipe ? knows.has(number) : moved.has(number),
      end: isPipe ? knows.lastNumber + 1 : Math.max(file.length, knows.lastNumber + 1),
    });
    const given = file.map((line, place) => Number(numbers.numberOf(String(line), place)));
    assert.equal(new Set(given).size, given.length, `${given}`);
    file.forEach((line, place) => {
      const number = earlier.get(String(line));
      if (number !== undefined) assert.equal(given[place], number);
    });
  }));
});

function knownLines(numbers: ReadonlyMap<string, number>): KnownLines {
  const text = (number: number | undefined) =>
    number === undefined ? undefined : String(number).padStart(6, "0");
  return {
    numberOf: (identity) => text(numbers.get(identity)),
    has: (number) => [...numbers.values()].includes(number),
    lastNumber: Math.max(-1, ...numbers.values()),
  };
}
