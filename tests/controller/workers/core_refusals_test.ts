/** Warnings about workers that cannot load the core. */

import assert from "node:assert/strict";
import { CoreRefusals, refusalTable } from "../../../controller/workers/core_refusals.ts";
import { silentLog } from "../../../system/log.ts";
import { test } from "../../lib/test.ts";

const lacks = (what: string) => `Cannot load compute core "core.so": this machine lacks ${what}`;

test("one worker is a sentence, as soon as no other has come for a second", () => {
  const { refusals, lines } = recorded();
  refusals.warn("one:1", lacks("liba.so"));
  refusals.onTick(5_000);
  refusals.onTick(5_999);
  assert.deepEqual(lines, []);
  refusals.onTick(6_000);
  assert.deepEqual(lines, [`cannot use worker one:1: ${lacks("liba.so")}`]);
  refusals.onTick(9_000);
  assert.equal(lines.length, 1);
});

test("workers that come within a second of each other are rows of one table", () => {
  const { refusals, lines } = recorded();
  refusals.warn("one:1", lacks("liba.so"));
  refusals.onTick(5_000);
  refusals.warn("two:1", 'Cannot load compute core "core.so": worker_init returned 5');
  refusals.onTick(5_900);
  refusals.onTick(6_800);
  assert.deepEqual(lines, []);
  refusals.onTick(6_900);
  assert.deepEqual(lines, [
    '2 workers cannot load compute core "core.so":',
    "one:1 | this machine lacks liba.so",
    "two:1 | worker_init returned 5",
  ]);
});

test("a log without tables gets a sentence for each worker", () => {
  const warnings: string[] = [];
  const refusals = new CoreRefusals({ ...silentLog, warn: (text) => warnings.push(text) });
  for (const name of ["one", "two"]) refusals.warn(name, lacks("liba.so"));
  refusals.flush();
  assert.deepEqual(warnings, [
    `cannot use worker one: ${lacks("liba.so")}`,
    `cannot use worker two: ${lacks("liba.so")}`,
  ]);
});

test("a reason that is not about loading the core is not collected", () => {
  const { refusals, lines } = recorded();
  refusals.warn("one", "it is the same worker as two");
  assert.deepEqual(lines, ["cannot use worker one: it is the same worker as two"]);
});

test("what the error of the run names is not logged as well", () => {
  const { refusals, lines } = recorded();
  refusals.warn("one", lacks("liba.so"));
  refusals.drop();
  refusals.flush();
  assert.deepEqual(lines, []);
});

test("a table has the other reasons too, and counts the rows that it leaves out", () => {
  const same = Array.from({ length: 30 }, (_, index) => [`n${index}`, lacks("liba.so")] as const);
  const table = refusalTable([["other", "connection refused"], ...same]);
  assert.equal(table?.title, '30 workers cannot load compute core "core.so"');
  assert.deepEqual(table.rows[0], ["other", "connection refused"]);
  assert.equal(table.rows.length, 21);
  assert.deepEqual(table.rows.at(-1), ["…", "and 11 more"]);
  assert.equal(refusalTable([["other", "refused"], ["one", lacks("liba.so")]]), undefined);
});

function recorded(): { refusals: CoreRefusals; lines: string[] } {
  const lines: string[] = [];
  const refusals = new CoreRefusals({
    ...silentLog,
    warn: (text) => lines.push(text),
    table: (title, rows) => lines.push(title, ...rows.map((row) => row.join(" | "))),
  });
  return { refusals, lines };
}
