/** The endpoints of a pool, and what is added up over them. */

import assert from "node:assert/strict";
import { Endpoint } from "../../pool/endpoint.ts";
import { newJob } from "../../pool/job.ts";
import { EndpointSet } from "../../pool/endpoint_set.ts";
import type { ClientId, CoreKey, EndpointId } from "../../pool/types.ts";
import { test } from "../lib/test.ts";

const CORE = "core" as CoreKey;

test("an endpoint that is gone is not open any more, even if it would have room", () => {
  const { set, endpoints: [one, two] } = setOf(2);
  for (const endpoint of [one, two]) set.onRoom(endpoint);
  set.delete(one);
  const asked: Endpoint<number>[] = [];
  set.closeFull((endpoint) => asked.push(endpoint) > 0);
  assert.deepEqual(asked, [two], "nobody asks whether one that is gone has room");
  assert.deepEqual(set.open, [two]);
});

test("of the endpoints that hold a core, those with nothing in flight are idle", () => {
  const { set, endpoints: [one, two] } = setOf(2);
  for (const endpoint of [one, two]) endpoint.startLoading(CORE);
  assert.deepEqual(set.holdersOf(CORE), { held: 2, idle: 2 });
  one.add(newJob(1 as ClientId, CORE, 1, 1, 0), 0);
  assert.deepEqual(set.holdersOf(CORE), { held: 2, idle: 1 });
  set.delete(two);
  assert.deepEqual(set.holdersOf(CORE), { held: 1, idle: 0 });
  set.delete(one);
  assert.deepEqual(set.holdersOf(CORE), { held: 0, idle: 0 });
});

function setOf(count: number) {
  const set = new EndpointSet<number>(false);
  const endpoints = Array.from({ length: count }, (_, index) => {
    const endpoint = new Endpoint<number>(index as EndpointId, 1, set);
    set.add(endpoint);
    return endpoint;
  });
  return { set, endpoints: endpoints as [Endpoint<number>, Endpoint<number>] };
}
