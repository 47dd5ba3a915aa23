import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "../lib/test.ts";
import { Semaphore } from "../../worker/cores/semaphore.ts";

/** Acts that end when they are told to. */
class Acts {
  readonly begun: number[] = [];
  readonly #ends = new Map<number, PromiseWithResolvers<number>>();

  act(number: number): () => Promise<number> {
    const end = Promise.withResolvers<number>();
    this.#ends.set(number, end);
    return () => {
      this.begun.push(number);
      return end.promise;
    };
  }

  async end(number: number, error?: Error): Promise<void> {
    const { resolve, reject } = this.#ends.get(number) as PromiseWithResolvers<number>;
    if (error) reject(error);
    else resolve(number);
    await setImmediate();
  }
}

test("so many act at once, the others in their order, also after one that fails", async () => {
  const turns = new Semaphore(2);
  const acts = new Acts();
  const taken = [1, 2, 3, 4, 5].map((number) => turns.take(acts.act(number)));
  const failed = assert.rejects(taken[1] as Promise<number>, /it fails/);
  await setImmediate();
  assert.deepEqual(acts.begun, [1, 2]);
  await acts.end(2, new Error("it fails"));
  await failed;
  assert.deepEqual(acts.begun, [1, 2, 3]);
  await acts.end(3);
  await acts.end(1);
  assert.deepEqual(acts.begun, [1, 2, 3, 4, 5]);
  const late = turns.take(acts.act(6));
  await acts.end(4);
  assert.deepEqual(acts.begun, [1, 2, 3, 4, 5, 6]);
  await acts.end(5);
  await acts.end(6);
  assert.equal(await late, 6);
  assert.deepEqual(await Promise.all([taken[0], taken[2], taken[3], taken[4]]), [1, 3, 4, 5]);
});

test("after the end nobody begins, and who acts goes on", async () => {
  const turns = new Semaphore(1);
  const acts = new Acts();
  const runs = turns.take(acts.act(1));
  const waits = turns.take(acts.act(2));
  turns.close(new Error("closed"));
  await assert.rejects(waits, /closed/);
  await assert.rejects(turns.take(acts.act(3)), /closed/);
  await acts.end(1);
  assert.equal(await runs, 1);
  assert.deepEqual(acts.begun, [1]);
});
