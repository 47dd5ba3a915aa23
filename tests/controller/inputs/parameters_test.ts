/** Parameters as JSON objects, and the names that they give. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { OutputNaming } from "../../../controller/inputs/output_naming.ts";
import {
  jsonOf,
  nameOf,
  type Parameter,
  ParameterTasks,
} from "../../../controller/inputs/parameters.ts";
import { productSource } from "../../../controller/inputs/product.ts";
import fc from "../../lib/properties.ts";
import { test } from "../../lib/test.ts";
import { nameOf as nameOfTask, tasksOf, textOf } from "./sources.ts";

const PARAMETERS: fc.Arbitrary<Parameter[]> = fc.uniqueArray(
  fc.tuple(
    fc.string({ minLength: 1, maxLength: 3, unit: "binary" }),
    fc.oneof(fc.string({ unit: "binary" }), fc.string({ maxLength: 300 }), fc.double().map(String)),
  ),
  { minLength: 1, selector: ([name]) => name },
);

test("values are the numbers or strings that were written, and the object is JSON", () => {
  const json = jsonOf([["a", "12345678901234567890"], ["b", "-0.50"], ["c", "007"], ["d", "true"]]);
  assert.equal(json, '{"a":12345678901234567890,"b":-0.50,"c":"007","d":"true"}');
  for (const text of ["+1", ".5", "1.", "1e", "0x1", "NaN", "", " 1", "1\n"]) {
    assert.equal(jsonOf([["a", text]]), JSON.stringify({ a: text }));
  }
  fc.assert(fc.property(PARAMETERS, (parameters) => {
    const entries = Object.entries(JSON.parse(jsonOf(parameters)) as Record<string, unknown>);
    assert.equal(entries.length, parameters.length);
    const texts = new Map(parameters);
    for (const [name, value] of entries) {
      if (typeof value === "string") assert.equal(value, texts.get(name));
      else assert.equal(value, Number(texts.get(name)));
    }
  }));
});

test("plain values are the name, and others get a digest", () => {
  const named = (parameters: Parameter[]) => nameOf(parameters, jsonOf(parameters));
  assert.equal(named([["a", "1"], ["b", "x-é.2"]]), "a=1,b=x-é.2");
  assert.match(named([["a", "../x y"]]), /^a=\.\._x_y~[0-9a-f]{16}$/);
  assert.match(named([["a", "1,b=2"]]), /^a=1_b_2~[0-9a-f]{16}$/);
  assert.match(named([["a", "é".repeat(200)]]), /^a=é{79}~[0-9a-f]{16}$/);
});

test("different parameters never have the same name, and every name is that of a file", () => {
  fc.assert(fc.property(PARAMETERS, PARAMETERS, (one, other) => {
    const [first, second] = [nameOf(one, jsonOf(one)), nameOf(other, jsonOf(other))];
    assert.equal(first === second, jsonOf(one) === jsonOf(other));
    assert.doesNotMatch(first, /[/\0\n]|^\.*$/);
    assert(Buffer.byteLength(first) <= 200);
  }));
});

test("equal parameters get a count, and templates take no value for an extension", () => {
  const tasks = new ParameterTasks(OutputNaming.of("{stem}.png"));
  const names = ["0.5", "0.7", "0.5"].map((value) => tasks.next([["a", value]]).name);
  assert.deepEqual(names, ["a=0.5.png", "a=0.7.png", "a=0.5~2.png"]);
});

test("a sweep has all combinations, and the last parameter changes fastest", async () => {
  const source = productSource([
    { name: "a", values: ["1", "2"] },
    { name: "b", values: ["x", "y", "z"] },
  ]);
  const tasks = await tasksOf(source);
  assert.deepEqual(tasks.map(nameOfTask), [
    ...["a=1,b=x", "a=1,b=y", "a=1,b=z"],
    ...["a=2,b=x", "a=2,b=y", "a=2,b=z"],
  ]);
  assert.equal(textOf(tasks[4] ?? assert.fail()), '{"a":2,"b":"y"}');
  assert.equal(await source.count(), 6);
  assert.deepEqual(tasks.map(({ index }) => index), [0, 1, 2, 3, 4, 5]);
});
