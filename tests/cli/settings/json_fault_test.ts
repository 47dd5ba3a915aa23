/** Where a text is no JSON. */

import assert from "node:assert/strict";
import { jsonFaultIn } from "../../../cli/settings/json_fault.ts";
import fc from "../../lib/properties.ts";
import { test } from "../../lib/test.ts";

test("a text that is no JSON is told by its line, its column, and what is there", () => {
  const faults = [
    ['{\n  "run": {"retries": 2,}\n}\n', 2, 24, "}"],
    ['{"run": {"retries": 2}\n', 2, 1, undefined],
    ['{"a": 1 "b": 2}', 1, 9, '"'],
    ["{'a': 1}", 1, 2, "'"],
    ["{\n// all\n}", 2, 1, "/"],
    ['{"a": yes}', 1, 7, "yes"],
    ['{"a": 01}', 1, 7, "01"],
    ['{"a": 1}}', 1, 9, "}"],
    ["\ufeff{}", 1, 1, "U+FEFF"],
    ['{"a":\u00a01}', 1, 6, "U+00A0"],
    ["", 1, 1, undefined],
  ] as const;
  for (const [text, line, column, found] of faults) {
    assert.deepEqual(jsonFaultIn(text), { line, column, found }, text);
  }
});

test("a text may be nested a hundred levels deep, and no stack is too small for one that is deeper", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert.equal(jsonFaultIn(`{"a": ${nested(99)}, "b": ${nested(99)}}`), undefined);
  const fault = { line: 1, column: 102, found: "[", isTooDeep: true };
  assert.deepEqual(jsonFaultIn(nested(300_000)), fault);
});

test("a text has a fault if, and only if, it cannot be parsed", () => {
  const changes = fc.record({
    value: fc.jsonValue(),
    at: fc.nat(200),
    text: fc.constantFrom(
      "",
      ",",
      "}",
      '"',
      "\\",
      "0",
      ".",
      "e",
      "\n",
      "\t",
      "\u0001",
      "\u007f",
      "nul",
      "é",
    ),
    cut: fc.nat(2),
  });
  fc.assert(fc.property(changes, ({ value, at, text, cut }) => {
    const json = JSON.stringify(value, undefined, 2);
    const changed = json.slice(0, at) + text + json.slice(at + cut);
    assert.equal(jsonFaultIn(changed) === undefined, isJson(changed), changed);
  }));
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
