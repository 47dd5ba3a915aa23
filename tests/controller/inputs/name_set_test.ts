/** Names that a run has seen. */

import assert from "node:assert/strict";
import { NameSet } from "../../../controller/inputs/name_set.ts";
import fc from "../../lib/properties.ts";
import { test } from "../../lib/test.ts";

test("a name is new only the first time", () => {
  const names = new NameSet();
  assert.equal(names.add("a"), true);
  assert.equal(names.add("b"), true);
  assert.equal(names.add("a"), false);
  assert.equal(names.add(""), true);
  assert.equal(names.add(""), false);
});

test("names that differ in any character are different, however long they are", () => {
  const names = new NameSet();
  const long = "x".repeat(10_000);
  assert.equal(names.add(`${long}1`), true);
  assert.equal(names.add(`${long}2`), true);
  assert.equal(names.add(`${long}1`), false);
});

test("names are kept while the set grows", () => {
  const names = new NameSet();
  const count = 20_000;
  for (let index = 0; index < count; index++) assert(names.add(`name ${index}`));
  for (let index = 0; index < count; index++) assert(!names.add(`name ${index}`));
  assert(names.add(`name ${count}`));
});

test("a name that has come in order is not new when it comes again", () => {
  const names = new NameSet();
  const inOrder = Array.from({ length: 3_000 }, (_, index) => String(index).padStart(6, "0"));
  for (const name of inOrder) assert(names.add(name));
  assert(!names.add("000000"));
  assert(names.add("00000"));
  assert(names.add("1"));
  for (const name of inOrder) assert(!names.add(name));
});

test("a name set agrees with a plain set", () => {
  const name = fc.string({ maxLength: 2 });
  fc.assert(fc.property(fc.array(name, { maxLength: 2000 }), (added) => {
    const names = new NameSet();
    const plain = new Set<string>();
    for (const name of added) {
      assert.equal(names.add(name), !plain.has(name));
      plain.add(name);
    }
  }));
});
