/** The states of a job, and lists of jobs. */

import assert from "node:assert/strict";
import { isInFlight, JobList, markBack, markSent, markUnwanted, newJob } from "../../pool/job.ts";
import type { ClientId, CoreKey, DispatchId, EndpointId, Job } from "../../pool/types.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";

type Step =
  | { readonly kind: "pushBack" | "pushFront"; readonly times: number }
  /** `at`: the position from the front, modulo the length; 0 is the first. */
  | {
    readonly kind: "remove";
    readonly at: number;
    readonly comesBack: boolean;
    readonly times: number;
  };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("pushBack" as const, "pushFront" as const),
    times: fc.nat(20),
  }),
  fc.record({
    kind: fc.constant("remove" as const),
    at: fc.oneof(fc.constant(0), fc.nat(200)),
    comesBack: fc.boolean(),
    times: fc.nat(20),
  }),
);

/** A list, and an array that must have the same jobs. */
class Twins {
  readonly list = new JobList<number>();
  readonly model: Job<number>[] = [];
  #last = 0;

  take(step: Step): void {
    for (let time = 0; time < step.times; time++) {
      if (step.kind === "remove") this.#remove(step.at, step.comesBack);
      else if (step.kind === "pushBack") this.#pushBack(jobOf(++this.#last));
      else this.#pushFront(jobOf(++this.#last));
    }
  }

  #pushBack(job: Job<number>): void {
    this.list.pushBack(job);
    this.model.push(job);
  }

  #pushFront(job: Job<number>): void {
    this.list.pushFront(job);
    this.model.unshift(job);
  }

  #remove(at: number, comesBack: boolean): void {
    const [job] = this.model.splice(at % Math.max(1, this.model.length), 1);
    if (!job) return;
    assert(this.list.remove(job));
    assert(!this.list.remove(job), "once");
    if (comesBack) this.#pushFront(job);
  }
}

test("a list of jobs behaves like an array, whichever place a job leaves from", () => {
  fc.assert(fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
    const twins = new Twins();
    for (const step of steps) {
      twins.take(step);
      assert.equal(twins.list.length, twins.model.length);
      assert.equal(twins.list.first, twins.model[0]);
      assert.deepEqual(namesOf(twins.list), namesOf(twins.model));
    }
  }));
});

test("an empty list has no first job and nothing to remove", () => {
  const list = new JobList<number>();
  assert.equal(list.length, 0);
  assert.equal(list.first, undefined);
  assert.equal(list.remove(jobOf(1)), false);
  assert.deepEqual([...list], []);
});

test("jobs that come back to the front come out first, in their old order", () => {
  const list = new JobList<number>();
  const jobs = [1, 2, 3].map(jobOf);
  for (const job of jobs) list.pushBack(job);
  const taken = jobs.slice(0, 2);
  for (const job of taken) list.remove(job);
  for (const job of taken.reverse()) list.pushFront(job);
  assert.deepEqual(namesOf(list), [1, 2, 3]);
});

test("a job is in one list at a time, and only that list can remove it", () => {
  const [one, two] = [new JobList<number>(), new JobList<number>()];
  const job = jobOf(1);
  one.pushBack(job);
  assert(!two.remove(job));
  for (const list of [one, two]) {
    assert.throws(
      () => list.pushBack(job),
      /^TypeError: Cannot queue a job in the state "queued"$/,
    );
  }
  assert.deepEqual([one.length, two.length], [1, 0]);
  assert(one.remove(job));
  two.pushFront(job);
  assert.deepEqual(namesOf(two), [1]);
});

test("a job that has left a list keeps no other job in memory", () => {
  const list = new JobList<number>();
  const jobs = [1, 2, 3].map(jobOf) as [Job<number>, Job<number>, Job<number>];
  for (const job of jobs) list.pushBack(job);
  list.remove(jobs[1]);
  const { list: inList, previous, next } = jobs[1] as unknown as Record<string, unknown>;
  assert.deepEqual([inList, previous, next], [undefined, undefined, undefined]);
});

test("a job in flight has its endpoint, and is outside the pool once it is answered", () => {
  const job = jobOf(1);
  send(job);
  assert(isInFlight(job));
  assert.deepEqual([job.endpoint, job.dispatch], [5, 6]);
  assert.deepEqual([job.attempt, job.sentAtMs], [1, 1_000]);
  markBack(job);
  assert.equal(stateOf(job), "outside");
});

test("a job that is abandoned in flight is canceled once it is answered", () => {
  const job = jobOf(1);
  send(job);
  markUnwanted(job);
  assert.equal(stateOf(job), "abandoned");
  assert(isInFlight(job));
  markBack(job);
  assert.equal(stateOf(job), "canceled");
});

test("a transition that makes no sense throws and changes nothing", () => {
  const list = new JobList<number>();
  const [queued, sent, canceled] = [jobOf(1), jobOf(2), jobOf(3)];
  list.pushBack(queued);
  send(sent);
  markUnwanted(canceled);
  for (const job of [queued, sent, canceled]) {
    const { state } = job;
    if (job !== sent) assert.throws(() => markBack(job), /^TypeError: Cannot take back a job/);
    if (job === queued) assert.throws(() => markUnwanted(job), /^TypeError: Cannot cancel a job/);
    assert.throws(() => send(job), /^TypeError: Cannot send a job/);
    assert.throws(() => list.pushFront(job), /^TypeError: Cannot queue a job/);
    assert.equal(job.state, state);
  }
  assert.equal(list.length, 1);
});

/** TypeScript narrows the type of a job to its state; a call makes it read the state again. */
function stateOf(job: Job<number>): string {
  return job.state;
}

function send(job: Job<number>): void {
  markSent(job, 5 as EndpointId, 6 as DispatchId, 1_000);
}

function jobOf(payload: number): Job<number> {
  return newJob(1 as ClientId, "core" as CoreKey, 1, payload, 0);
}

function namesOf(jobs: Iterable<Job<number>>): number[] {
  return [...jobs].map(({ payload }) => payload);
}
