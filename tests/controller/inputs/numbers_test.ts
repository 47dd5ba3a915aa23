/** Numbers as inputs. */

import assert from "node:assert/strict";
import { numberSource } from "../../../controller/inputs/numbers.ts";
import { OutputNaming } from "../../../controller/inputs/output_naming.ts";
import { digitsFor } from "../../../controller/inputs/padded_number.ts";
import type { Source, SourceTask } from "../../../controller/inputs/source.ts";
import { test } from "../../lib/test.ts";
import { identityOf, nameOf, range, tasksOf, textOf } from "./sources.ts";

test("inputs are the decimal numbers from 0 on, and padded they are the names", async () => {
  const tasks = await tasksOf(numberSource(1000));
  assert.deepEqual(tasks.map(({ index }) => index), range(1000));
  assert.deepEqual(tasks.map(nameOf), range(1000).map(padded));
  assert.deepEqual(tasks.map(textOf), range(1000).map(String));
  assert.equal(await numberSource(1000).count(), 1000);
  assert.deepEqual(await tasksOf(numberSource(0)), []);
});

test("names of numbers sort, also those of more than a million", async () => {
  const count = 1_000_001;
  const [first] = await firstTasksOf(numberSource(count));
  assert.equal(first?.name, "0000000");
  assert.equal(digitsFor(count - 1), 6);
});

test("the identity of a number is the number, whatever the outputs are called", async () => {
  const naming = OutputNaming.of("1{name}");
  const tasks = await tasksOf(numberSource(3, undefined, naming));
  assert.deepEqual(tasks.map(nameOf), ["1000000", "1000001", "1000002"]);
  assert.deepEqual(tasks.map(identityOf), ["number-0", "number-1", "number-2"]);
});

function padded(number: number): string {
  return String(number).padStart(6, "0");
}

async function firstTasksOf({ batches }: Source): Promise<readonly SourceTask[]> {
  for await (const batch of batches) return batch;
  return [];
}
