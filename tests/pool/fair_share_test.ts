/** Which core gets the next endpoint, and which gives one up. */

import assert from "node:assert/strict";
import {
  type CoreDemand,
  type Demands,
  fairShare,
  nextCore,
  shouldYield,
} from "../../pool/fair_share.ts";
import type { CoreKey } from "../../pool/types.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";

const A = "a" as CoreKey, B = "b" as CoreKey, C = "c" as CoreKey;
const always = () => true;

/** Demands of one client each, with many jobs, unless the test says otherwise. */
function demandsOf(endpoints: number, cores: Record<string, Partial<CoreDemand>>): Demands {
  const full = Object.entries(cores).map(([core, demand]) =>
    [core as CoreKey, {
      clients: 1,
      queued: 100,
      waitedMs: 0,
      held: 0,
      idle: 0,
      ...demand,
    }] as const
  );
  return { endpoints, cores: new Map(full) };
}

const anyDemand = fc.record({
  clients: fc.integer({ min: 1, max: 5 }),
  queued: fc.integer({ min: 1, max: 20 }),
  waitedMs: fc.nat(10_000),
  held: fc.nat(10),
  idle: fc.nat(3),
});

const anyDemands = fc.record({
  endpoints: fc.integer({ min: 1, max: 20 }),
  cores: fc.dictionary(fc.constantFrom("a", "b", "c", "d"), anyDemand, { minKeys: 1 }),
}).map(({ endpoints, cores }) => demandsOf(endpoints, cores));

test("endpoints are shared among clients, not among cores", () => {
  const demands = demandsOf(8, { a: { clients: 3 }, b: { clients: 1 } });
  assert.equal(fairShare(demands, A), 6);
  assert.equal(fairShare(demands, B), 2);
  assert.equal(fairShare(demands, C), 0, "no job waits for it");
  assert.equal(fairShare(demandsOf(8, {}), A), 0);
});

test("the fair shares add up to all endpoints", () => {
  fc.assert(fc.property(anyDemands, (demands) => {
    let sum = 0;
    for (const core of demands.cores.keys()) sum += fairShare(demands, core);
    assert.ok(Math.abs(sum - demands.endpoints) < 1e-9);
  }));
});

test("a free endpoint loads the core that is furthest below its fair share", () => {
  assert.equal(nextCore(demandsOf(8, { a: { held: 3 }, b: { held: 1 } }), always), B);
  const three = { a: { held: 3 }, b: { held: 1, clients: 1 }, c: { held: 1, clients: 2 } };
  assert.equal(nextCore(demandsOf(8, three), always), C);
});

test("a core without an endpoint comes first, and of several the one that has waited longest", () => {
  const three = { a: { held: 1, clients: 5 }, b: { waitedMs: 10 }, c: { waitedMs: 20 } };
  assert.equal(nextCore(demandsOf(8, three), always), C);
  assert.equal(nextCore(demandsOf(8, three), (core) => core !== C), B);
  assert.equal(nextCore(demandsOf(8, three), (core) => core === A), A);
});

test("a core beyond its fair share still gets an endpoint that no other core can use", () => {
  const demands = demandsOf(2, { a: { held: 1 }, b: { held: 1, queued: 1, idle: 1 } });
  assert.equal(nextCore(demands, always), A);
  assert.equal(nextCore(demands, always, 0), undefined, "but it takes none away for that");
});

test("a core with an idle endpoint for each of its jobs gets no more", () => {
  assert.equal(
    nextCore(demandsOf(8, { a: { queued: 2, held: 2, idle: 2 } }), always),
    undefined,
  );
  assert.equal(nextCore(demandsOf(8, { a: { queued: 3, held: 2, idle: 2 } }), always), A);
});

test("a core that the endpoint may not load is passed over", () => {
  const demands = demandsOf(8, { a: {}, b: { held: 2 } });
  assert.equal(nextCore(demands, (core) => core !== A), B);
  assert.equal(nextCore(demands, () => false), undefined);
});

test("a core beyond its fair share gives up an endpoint for a core that has none", () => {
  assert.ok(shouldYield(demandsOf(2, { a: { held: 2 }, b: {} }), A));
  assert.ok(shouldYield(demandsOf(1, { a: { held: 1 }, b: {} }), A), "a single one goes round");
  assert.ok(!shouldYield(demandsOf(4, { a: { held: 2 }, b: {} }), A));
});

test("a core gives up an endpoint for a core that is a whole endpoint below its fair share", () => {
  assert.ok(shouldYield(demandsOf(8, { a: { held: 5 }, b: { held: 3 } }), A));
  assert.ok(
    !shouldYield(demandsOf(7, { a: { held: 4 }, b: { held: 3 } }), A),
    "half a one is nothing",
  );
});

test("a core that no job waits for yields nothing", () => {
  assert.ok(!shouldYield(demandsOf(2, { b: {} }), A));
});

test("giving up endpoints comes to an end", () => {
  fc.assert(fc.property(anyDemands, (demands) => {
    // Several cores for fewer endpoints take turns for ever, by intention.
    fc.pre(demands.cores.size <= demands.endpoints);
    for (const demand of demands.cores.values()) {
      Object.assign(demand, { clients: 1, queued: 100, idle: 0 });
    }
    for (let moves = 0; moves < 100; moves++) {
      const giver = [...demands.cores].find(([core]) => shouldYield(demands, core));
      if (!giver) return;
      const taker = nextCore(demands, (core) => core !== giver[0], 0);
      if (taker === undefined) return;
      giver[1].held -= 1;
      (demands.cores.get(taker) as CoreDemand).held += 1;
    }
    assert.fail("endpoints move for ever");
  }));
});
