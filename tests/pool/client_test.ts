import assert from "node:assert/strict";
import { Client } from "../../pool/client.ts";
import type { ClientId, CoreKey, Job } from "../../pool/types.ts";
import { test } from "../lib/test.ts";

const ID = 1 as ClientId;

function jobOf(payload: string, bytes: number): Job<string> {
  return {
    client: ID,
    core: "core" as CoreKey,
    bytes,
    payload,
    queuedAtMs: 0,
    attempt: 0,
    sentAtMs: 0,
    ordinal: 0,
    alone: false,
    isOrphan: false,
  };
}

test("a client counts what its queue weighs, whichever end a job comes in at", () => {
  const client = new Client<string>(ID);
  client.pushBack(jobOf("b", 20));
  client.pushFront(jobOf("a", 3));
  assert.equal(client.queuedBytes, 23);
  assert.equal(client.take()?.payload, "a");
  assert.equal(client.queuedBytes, 20);
  assert.equal(client.take()?.payload, "b");
  assert.equal(client.take(), undefined);
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
