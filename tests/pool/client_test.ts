import assert from "node:assert/strict";
import { Client } from "../../pool/client.ts";
import { newJob } from "../../pool/job.ts";
import type { ClientId, CoreKey, EndpointId, Job } from "../../pool/types.ts";
import { test } from "../lib/test.ts";

const ID = 1 as ClientId;
const CORE = "core" as CoreKey;
const ANYWHERE = { id: 1 as EndpointId, core: CORE };

function jobOf(payload: string, bytes: number): Job<string> {
  return newJob(ID, CORE, bytes, payload, 0);
}

/** Takes the job whose turn it is. */
function take(client: Client<string>): string | undefined {
  const job = client.nextFor(ANYWHERE, 0, false);
  if (job) client.take(job);
  return job?.payload;
}

test("a client counts what its queue weighs, whichever end a job comes in at", () => {
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

test("a client takes the jobs that match out of its queue, and their weight", () => {
  const client = new Client<string>(ID);
  for (const [name, bytes] of [["a", 1], ["b", 20], ["c", 300]] as const) {
    client.pushBack(jobOf(name, bytes));
  }
  const taken = client.takeWhere(({ payload }) => payload !== "b");
  assert.deepEqual(taken.map(({ payload }) => payload), ["a", "c"]);
  assert.equal(client.queuedBytes, 20);
});

test("a blocked client shows no next job, and keeps it", () => {
  const client = new Client<string>(ID);
  client.pushBack(jobOf("a", 1));
  for (const [isBlocked, name] of [[true, undefined], [false, "a"]] as const) {
    client.isBlocked = isBlocked;
    assert.equal(client.next?.payload, name);
  }
});

test("jobs that avoid an endpoint count, and go before the others to any other one", () => {
  const client = new Client<string>(ID);
  const shy = { ...jobOf("shy", 20), avoids: [ANYWHERE.id], isStrict: true };
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
  assert.equal(client.find(({ payload }) => payload === "shy"), shy);
  client.take(shy);
  assert.equal(client.queuedBytes, 3);
  assert.equal(take(client), "a");
  assert.equal(client.queued, 0);
});

test("a client has a next job as long as any is queued, also one that avoids an endpoint", () => {
  const client = new Client<string>(ID);
  const shy = { ...jobOf("shy", 20), avoids: [ANYWHERE.id] };
  client.pushFront(shy);
  assert.equal(client.next, shy);
  assert.deepEqual(client.takeWhere(() => true), [shy]);
  assert.equal(client.next, undefined);
  assert.equal(client.queuedBytes, 0);
});
