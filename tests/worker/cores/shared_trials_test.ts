/** Checks that cores load: shared, repeated, abandoned. */

import assert from "node:assert/strict";
import type { CoreKey } from "../../../pool/types.ts";
import { SharedTrials } from "../../../worker/cores/shared_trials.ts";
import { StoredCore } from "../../../worker/cores/stored_core.ts";
import { LoadError } from "../../../worker/cores/load_error.ts";
import { countListeners } from "../../lib/listeners.ts";
import { test } from "../../lib/test.ts";

test("a core that several connections want at once is loaded once", async () => {
  const loads = new Loads();
  const one = loads.check("a");
  const two = loads.check("a");
  const other = loads.check("b");
  assert.deepEqual(loads.started, ["a", "b"]);
  loads.succeed("a");
  await Promise.all([one.done, two.done]);
  loads.succeed("b");
  await other.done;
  const later = loads.check("a");
  assert.deepEqual(loads.started, ["a", "b", "a"], "what is over is not remembered");
  loads.succeed("a");
  await later.done;
});

test("the failure of a core is reported to all connections that want it", async () => {
  const loads = new Loads();
  const checks = [loads.check("a"), loads.check("a")];
  loads.fail("a", new LoadError("it is broken"));
  for (const { done } of checks) await assert.rejects(done, /it is broken/);
  assert.deepEqual(loads.started, ["a"]);
});

test("a core whose process is killed from outside is loaded three times", async () => {
  const loads = new Loads();
  const check = loads.check("a");
  for (let time = 1; time <= 3; time++) {
    assert.equal(loads.started.length, time);
    loads.fail("a", new LoadError("was killed", "killed"));
    await loads.settled();
  }
  await assert.rejects(check.done, /was killed/);
  assert.equal(loads.started.length, 3);
});

test("a core that loads after its process was killed twice is accepted", async () => {
  const loads = new Loads();
  const check = loads.check("a");
  for (let time = 1; time <= 2; time++) {
    loads.fail("a", new LoadError("was killed", "killed"));
    await loads.settled();
  }
  loads.succeed("a");
  await check.done;
});

test("a check goes on while any connection waits for it, and is abandoned when the last one leaves", async () => {
  const loads = new Loads();
  const [first, second] = [loads.check("a"), loads.check("a")];
  first.leave();
  assert.deepEqual(loads.abandoned, []);
  second.leave();
  assert.deepEqual(loads.abandoned, ["a"]);
  for (const { done } of [first, second]) await assert.rejects(done);
});

test("a connection that wants a core whose check was just abandoned starts a new check", async () => {
  const loads = new Loads();
  const first = loads.check("a");
  first.leave();
  const second = loads.check("a");
  assert.deepEqual(loads.started, ["a", "a"]);
  await assert.rejects(first.done);
  loads.succeed("a");
  await second.done;
});

test("nothing is loaded for a connection that is already closed", async () => {
  const loads = new Loads();
  const gone = AbortSignal.abort(new Error("gone"));
  await assert.rejects(loads.checks.passed(coreOf("a"), gone), /gone/);
  assert.deepEqual(loads.started, []);
});

test("an abandoned check whose process is killed for that is not repeated", async () => {
  const loads = new Loads();
  const check = loads.check("a");
  check.leave(new LoadError("was killed", "killed"));
  await assert.rejects(check.done, /was killed/);
  assert.deepEqual(loads.started, ["a"]);
});

test("a connection whose check is over no longer counts, and has no listener left", async () => {
  const loads = new Loads();
  const gone = new AbortController();
  const listeners = countListeners(gone.signal);
  for (const end of [() => loads.succeed("a"), () => loads.fail("a", new LoadError("broken"))]) {
    const done = loads.checks.passed(coreOf("a"), gone.signal).catch(() => {});
    assert.equal(listeners(), 1);
    end();
    await done;
    assert.equal(listeners(), 0);
  }
});

test("the end of an abandoned check does not disturb the check that has followed it", async () => {
  const loads = new Loads({ endsWhenAbandoned: false });
  const first = loads.check("a");
  first.leave();
  const end = loads.failer("a");
  const second = loads.check("a");
  end(new LoadError("was killed", "killed"));
  await loads.settled();
  const third = loads.check("a");
  assert.deepEqual(loads.started, ["a", "a"], "the third shares the second check");
  loads.succeed("a");
  await Promise.all([second.done, third.done]);
});

function coreOf(name: string): StoredCore {
  return new StoredCore(name as CoreKey, name, 0);
}

/** Loads that end when the test says so. */
class Loads {
  readonly started: string[] = [];
  readonly abandoned: string[] = [];
  readonly #running = new Map<string, PromiseWithResolvers<void>>();
  readonly #endsWhenAbandoned: boolean;
  readonly checks = new SharedTrials(({ name }, abandoned) => {
    const load = Promise.withResolvers<void>();
    this.started.push(name);
    this.#running.set(name, load);
    abandoned.addEventListener("abort", () => {
      this.abandoned.push(name);
      if (this.#endsWhenAbandoned) load.reject(abandoned.reason);
    });
    return load.promise;
  });

  /** `endsWhenAbandoned`: at once; otherwise when the test says so. */
  constructor({ endsWhenAbandoned = true } = {}) {
    this.#endsWhenAbandoned = endsWhenAbandoned;
  }

  /** A connection wants a core, until it leaves. */
  check(name: string): { readonly done: Promise<void>; leave(reason?: Error): void } {
    const gone = new AbortController();
    const done = this.checks.passed(coreOf(name), gone.signal);
    done.catch(() => {}); // most tests look later
    return { done, leave: (reason) => gone.abort(reason) };
  }

  succeed(name: string): void {
    this.#running.get(name)?.resolve();
  }

  fail(name: string, error: Error): void {
    this.failer(name)(error);
  }

  /** Fails the load of this name that runs now, also when another one has followed it. */
  failer(name: string): (error: Error) => void {
    const load = this.#running.get(name);
    return (error) => load?.reject(error);
  }

  /** Lets all that follows happen. */
  settled(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}
