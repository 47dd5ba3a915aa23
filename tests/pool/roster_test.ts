/** The endpoints of a pool, and what is added up over them. */

import assert from "node:assert/strict";
import { Endpoint } from "../../pool/endpoint.ts";
import { newJob } from "../../pool/job.ts";
import { Roster } from "../../pool/roster.ts";
import type { ClientId, CoreKey, EndpointId } from "../../pool/types.ts";
import { test } from "../lib/test.ts";

const CORE = "core" as CoreKey;

test("an endpoint that is gone is not open any more, even if it would have room", () => {
  const { roster, endpoints: [one, two] } = rosterOf(2);
  for (const endpoint of [one, two]) roster.onRoom(endpoint);
  roster.delete(one);
  const asked: Endpoint<number>[] = [];
  roster.closeFull((endpoint) => asked.push(endpoint) > 0);
  assert.deepEqual(asked, [two], "nobody asks whether one that is gone has room");
  assert.deepEqual(roster.open, [two]);
});

test("of the endpoints that hold a core, those with nothing in flight are idle", () => {
  const { roster, endpoints: [one, two] } = rosterOf(2);
  for (const endpoint of [one, two]) endpoint.startLoading(CORE);
  assert.deepEqual(roster.holdersOf(CORE), { held: 2, idle: 2 });
  one.add(newJob(1 as ClientId, CORE, 1, 1, 0), 0);
  assert.deepEqual(roster.holdersOf(CORE), { held: 2, idle: 1 });
  roster.delete(two);
  assert.deepEqual(roster.holdersOf(CORE), { held: 1, idle: 0 });
  roster.delete(one);
  assert.deepEqual(roster.holdersOf(CORE), { held: 0, idle: 0 });
});

function rosterOf(count: number) {
  const roster = new Roster<number>(false);
  const endpoints = Array.from({ length: count }, (_, index) => {
    const endpoint = new Endpoint<number>(index as EndpointId, 1, roster);
    roster.add(endpoint);
    return endpoint;
  });
  return { roster, endpoints: endpoints as [Endpoint<number>, Endpoint<number>] };
}
