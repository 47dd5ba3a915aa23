/** The pool's state of one client: its queue is in the right order, and counted. */

import assert from "node:assert/strict";
import { audit } from "../../pool/audit.ts";
import { Client } from "../../pool/client.ts";
import { EndpointSet } from "../../pool/endpoint_set.ts";
import { newJob } from "../../pool/job.ts";
import type { ClientId, CoreKey, EndpointId, Job } from "../../pool/types.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";

const ID = 1 as ClientId;
const CORE = "core" as CoreKey;
const ANYWHERE = { id: 1 as EndpointId, core: CORE };

function jobOf(payload: string, bytes: number): Job<string> {
  return newJob(ID, CORE, bytes, payload, 0);
}

function jobAvoiding(endpoints: readonly EndpointId[], isRequired = false): Job<string> {
  return { ...jobOf("shy", 20), antiAffinity: { endpoints, isRequired } };
}

/** Takes the next job. */
function take(client: Client<string>): string | undefined {
  const job = client.nextFor(ANYWHERE, 0, false);
  if (job) client.take(job);
  return job?.payload;
}

test("a client counts the bytes in its queue, whichever end a job enters at", () => {
  const client = new Client<string>(ID);
  client.pushBack(jobOf("b", 20));
  client.pushFront(jobOf("a", 3));
  assert.equal(client.queuedBytes, 23);
  assert.equal(take(client), "a");
  assert.equal(client.queuedBytes, 20);
  assert.equal(take(client), "b");
  assert.equal(take(client), undefined);
  assert.equal(client.queuedBytes, 0);
});

test("jobs that are taken out of a queue no longer count, and the others do", () => {
  const client = new Client<string>(ID);
  for (const [name, bytes] of [["a", 1], ["b", 20], ["c", 300]] as const) {
    client.pushBack(jobOf(name, bytes));
  }
  const taken = client.takeWhere(({ payload }) => payload !== "b");
  assert.deepEqual(taken.map(({ payload }) => payload), ["a", "c"]);
  assert.equal(client.queuedBytes, 20);
});

test("a blocked client offers no job, and offers it again once it is no longer blocked", () => {
  const client = new Client<string>(ID);
  client.pushBack(jobOf("a", 1));
  for (const [isBlocked, name] of [[true, undefined], [false, "a"]] as const) {
    client.isBlocked = isBlocked;
    assert.equal(client.next?.payload, name);
  }
});

test("jobs with anti-affinity count, and go out first to any endpoint that they do not avoid", () => {
  const client = new Client<string>(ID);
  const shy = jobAvoiding([ANYWHERE.id], true);
  client.pushBack(jobOf("a", 3));
  client.pushBack(shy);
  assert.equal(client.queued, 2);
  assert.equal(client.queuedBytes, 23);
  assert.equal(client.nextFor(ANYWHERE, 0, true)?.payload, "a");
  const other = { id: 2 as EndpointId, core: CORE };
  assert.equal(client.nextFor(other, 0, false)?.payload, "shy");
  client.isBlocked = true;
  assert.equal(client.nextFor(other, 0, false), undefined);
  client.isBlocked = false;
  assert.deepEqual([...client.jobs()].map(({ payload }) => payload), ["shy", "a"]);
  client.take(shy);
  assert.equal(client.queuedBytes, 3);
  assert.equal(take(client), "a");
  assert.equal(client.queued, 0);
});

test("a client has a next job as long as any is queued, with or without anti-affinity", () => {
  const client = new Client<string>(ID);
  const shy = jobAvoiding([ANYWHERE.id]);
  client.pushFront(shy);
  assert.equal(client.next, shy);
  assert.deepEqual(client.takeWhere(() => true), [shy]);
  assert.equal(client.next, undefined);
  assert.equal(client.queuedBytes, 0);
});

/** What happens to a queue. `at`: the position of a queued job, modulo the length. */
type Step =
  | {
    readonly kind: "push";
    readonly isFront: boolean;
    readonly bytes: number;
    readonly avoids: EndpointId[];
  }
  | { readonly kind: "take"; readonly at: number; readonly comesBack: boolean };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("push" as const),
    isFront: fc.boolean(),
    bytes: fc.nat(1_000),
    avoids: fc.uniqueArray(fc.constantFrom(...[1, 2, 3] as EndpointId[]), { maxLength: 2 }),
  }),
  fc.record({ kind: fc.constant("take" as const), at: fc.nat(100), comesBack: fc.boolean() }),
);

test("a client's counts are exact at all times, wherever a job is taken from its queue", () => {
  fc.assert(fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
    const client = new Client<string>(ID);
    let jobs: Job<string>[] = [];
    for (const step of steps) {
      jobs = afterStep(client, jobs, step);
      audit(new EndpointSet(true), new Map([[ID, client]]));
      assert.equal(client.queued, jobs.length);
      assert.equal(client.queuedBytes, jobs.reduce((sum, { bytes }) => sum + bytes, 0));
      assert.deepEqual(new Set(client.jobs()), new Set(jobs));
      assert.equal(client.next === undefined, jobs.length === 0);
    }
  }));
});

/** Takes a step, and returns the jobs that wait then. */
function afterStep(client: Client<string>, jobs: readonly Job<string>[], step: Step) {
  if (step.kind === "push") {
    const job = { ...jobAvoiding(step.avoids), bytes: step.bytes };
    if (step.isFront) client.pushFront(job);
    else client.pushBack(job);
    return [...jobs, job];
  }
  const job = jobs[step.at % Math.max(1, jobs.length)];
  if (!job) return [];
  client.take(job);
  client.take(job); // does nothing if the job is not queued
  if (step.comesBack) client.pushFront(job);
  return step.comesBack ? [...jobs] : jobs.filter((other) => other !== job);
}

/** A search through the queue would read far more fields. */
const LOOKS_MAX = 20;

for (const [what, avoids] of [["", []], [" that avoids some endpoint", [ANYWHERE.id]]] as const) {
  test(`a job${what} is taken out of 65,536 by looking at its neighbors only`, () => {
    const client = new Client<string>(ID);
    const counter = { looks: 0 };
    const jobs = Array.from(
      { length: 65_536 },
      () => counted(jobAvoiding(avoids), counter),
    );
    for (const job of jobs) client.pushBack(job);
    for (const job of [jobs.at(-1), jobs.at(-2), jobs[40_000], jobs[1], jobs[0], jobOf("b", 1)]) {
      counter.looks = 0;
      client.take(job as Job<string>);
      assert(counter.looks <= LOOKS_MAX, `${counter.looks} looks`);
    }
    assert.equal(client.queued, jobs.length - 5);
  });
}

/** A job that counts how often something is read from it. */
function counted(job: Job<string>, counter: { looks: number }): Job<string> {
  return new Proxy(job, {
    get: (target, name) => {
      counter.looks += 1;
      return Reflect.get(target, name);
    },
  });
}
