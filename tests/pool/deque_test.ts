import assert from "node:assert/strict";
import fc from "fast-check";
import { Deque } from "../../pool/deque.ts";
import { test } from "../lib/test.ts";

type Step =
  | { readonly kind: "pushBack" | "pushFront"; readonly times: number }
  | { readonly kind: "popFront"; readonly times: number }
  | { readonly kind: "remove"; readonly times: number }
  | { readonly kind: "takeWhere"; readonly divisor: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("pushBack" as const, "pushFront" as const),
    times: fc.nat(70),
  }),
  fc.record({
    kind: fc.constantFrom("popFront" as const, "remove" as const),
    times: fc.nat(70),
  }),
  fc.record({ kind: fc.constant("takeWhere" as const), divisor: fc.integer({ min: 1, max: 5 }) }),
);

test("a deque does what an array does", () => {
  fc.assert(fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
    const deque = new Deque<number>();
    const model: number[] = [];
    let last = 0;
    for (const step of steps) {
      last = step.kind === "takeWhere"
        ? takeFromBoth(deque, model, step.divisor, last)
        : repeatOnBoth(deque, model, step, last);
      assert.equal(deque.length, model.length);
      assert.equal(deque.peek(), model[0]);
    }
    assert.deepEqual(drain(deque), model);
  }));
});

function repeatOnBoth(
  deque: Deque<number>,
  model: number[],
  { kind, times }: Exclude<Step, { kind: "takeWhere" }>,
  last: number,
): number {
  for (let item = last + 1; item <= last + times; item++) {
    if (kind === "pushBack") deque.pushBack(item), model.push(item);
    if (kind === "pushFront") deque.pushFront(item), model.unshift(item);
    if (kind === "popFront") assert.equal(deque.popFront(), model.shift());
    if (kind === "remove") removeFromBoth(deque, model, item);
  }
  return last + times;
}

/** One that is somewhere in them, or is not. */
function removeFromBoth(deque: Deque<number>, model: number[], number: number): void {
  const item = model[number % (model.length + 1)] ?? -1;
  assert.equal(deque.remove(item), model.includes(item));
  if (model.includes(item)) model.splice(model.indexOf(item), 1);
}

function takeFromBoth(
  deque: Deque<number>,
  model: number[],
  divisor: number,
  last: number,
): number {
  const matches = (item: number) => item % divisor === 0;
  assert.deepEqual(deque.takeWhere(matches), model.filter(matches));
  model.splice(0, model.length, ...model.filter((item) => !matches(item)));
  return last;
}

test("an empty deque has nothing to give", () => {
  const deque = new Deque<number>();
  assert.equal(deque.length, 0);
  assert.equal(deque.peek(), undefined);
  assert.equal(deque.popFront(), undefined);
  assert.deepEqual(deque.takeWhere(() => true), []);
});

test("what comes back to the front comes out first, in its old order", () => {
  const deque = new Deque<string>();
  for (const item of ["a", "b", "c"]) deque.pushBack(item);
  const taken = [deque.popFront(), deque.popFront()] as string[];
  for (const item of taken.reverse()) deque.pushFront(item);
  assert.deepEqual(drain(deque), ["a", "b", "c"]);
});

test("a deque that wraps around its ring keeps its order while it grows and shrinks", () => {
  const deque = new Deque<number>();
  let pushed = 0, popped = 0;
  for (let round = 1; round <= 1_000; round++) {
    for (let count = 0; count < round % 37; count++) deque.pushBack(pushed++);
    for (let count = 0; count < round % 31; count++) {
      if (deque.length > 0) assert.equal(deque.popFront(), popped++);
    }
  }
  assert.deepEqual(
    drain(deque),
    Array.from({ length: pushed - popped }, (_, index) => popped + index),
  );
});

function drain<T>(deque: Deque<T>): T[] {
  const items: T[] = [];
  while (deque.length > 0) items.push(deque.popFront() as T);
  return items;
}
