/** The inputs of a map, and how their source hears that no more are wanted. */

import assert from "node:assert/strict";
import { InputSource } from "../../../controller/session/input_source.ts";
import { test } from "../../lib/test.ts";

/** A source of one input, which counts how often it is told that no more are wanted. */
class OneInput {
  returns = 0;
  #hasNext = true;

  constructor(readonly onReturn: () => unknown = () => undefined) {}

  [Symbol.iterator]() {
    return {
      next: (): IteratorResult<string> => {
        if (!this.#hasNext) return { done: true, value: undefined };
        this.#hasNext = false;
        return { done: false, value: "input" };
      },
      return: (): IteratorResult<string> => {
        this.returns += 1;
        this.onReturn();
        return { done: true, value: undefined };
      },
    };
  }
}

test("a source is told once that no more inputs are wanted, and not if it has ended or was never asked", async () => {
  const [left, ended, unasked] = [new OneInput(), new OneInput(), new OneInput()];
  const source = new InputSource(left);
  await source.next();
  source.leave();
  source.leave();
  const whole = new InputSource(ended);
  await whole.next();
  assert.equal((await whole.next()).done, true);
  whole.leave();
  new InputSource(unasked).leave();
  assert.deepEqual([left.returns, ended.returns, unasked.returns], [1, 0, 0]);
});

test("what a source does when it is left disturbs nobody: it throws, or rejects", async () => {
  const throwing = new InputSource(
    new OneInput(() => {
      throw new Error("in return");
    }),
  );
  await throwing.next();
  throwing.leave();
  const rejecting = new InputSource({
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: "input" }),
      return: () => Promise.reject(new Error("in return")),
    }),
  });
  await rejecting.next();
  rejecting.leave();
  await new Promise((resolve) => setTimeout(resolve)); // an unhandled rejection would end the test
});

test("a source whose next input throws or rejects has ended", async () => {
  let returns = 0;
  const failing = (next: () => never | Promise<never>) =>
    new InputSource<string>({
      [Symbol.asyncIterator]: () => ({ next, return: () => Promise.resolve(returns++) as never }),
    });
  const rejects = failing(() => Promise.reject(new Error("lost")));
  await assert.rejects(async () => await rejects.next(), /lost/);
  rejects.leave();
  const throws = failing(() => {
    throw new Error("broken");
  });
  assert.throws(() => throws.next(), /broken/);
  throws.leave();
  assert.equal(returns, 0);
});
