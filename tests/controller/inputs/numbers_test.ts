/** Numbers as inputs. */

import assert from "node:assert/strict";
import { numberSource } from "../../../controller/inputs/numbers.ts";
import { test } from "../../lib/test.ts";
import { identityOf, nameOf, range, tasksOf, textOf } from "./sources.ts";

test("inputs are the decimal numbers from 0 on, and are also the names", async () => {
  const tasks = await tasksOf(numberSource(1000));
  assert.deepEqual(tasks.map(({ index }) => index), range(1000));
  assert.deepEqual(tasks.map(nameOf), range(1000).map(String));
  assert.deepEqual(tasks.map(textOf), range(1000).map(String));
  assert.equal(await numberSource(1000).count(), 1000);
  assert.deepEqual(await tasksOf(numberSource(0)), []);
});

test("all numbers have the same identity, because the name is the input", async () => {
  const identities = (await tasksOf(numberSource(10))).map(identityOf);
  assert.deepEqual(new Set(identities), new Set(["number"]));
});
