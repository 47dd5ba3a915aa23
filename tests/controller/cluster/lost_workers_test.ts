/** Workers that are gone and have not come back. */

import assert from "node:assert/strict";
import { LATEST_MAX, LostWorkers } from "../../../controller/cluster/lost_workers.ts";
import { test } from "../../lib/test.ts";

const ADDRESS = {} as NonNullable<Parameters<LostWorkers["onReady"]>[0]["address"]>;
const LOST = { kind: "failed", reason: "connection reset" } as const;

/** A worker that is dialed. */
function dialed(node: string) {
  return { name: `${node}:7433`, node, place: `${node}:7433`, address: ADDRESS };
}

/** A worker that dials the run. */
function dialing(node: string) {
  return { name: node, node, place: "10.0.0.1", address: undefined };
}

test("a worker is lost until it comes back, to its address or as its node", () => {
  const lost = new LostWorkers();
  for (const worker of [dialed("a"), dialed("b"), dialing("c"), dialing("d")]) {
    lost.onGone(worker, LOST, 3, 1_000);
  }
  lost.onReady(dialed("a"));
  lost.onReady(dialing("c"));
  assert.deepEqual(lost.latest.map(({ name }) => name), ["d", "b:7433"]);
  assert.deepEqual(lost.latest[0], {
    ...{ name: "d", node: "d", reason: "connection reset", goneAtMs: 1_000, jobs: 3 },
  });
  assert.equal(lost.count, 2);
});

test("a worker that was lost again is listed once, and one that has drained is not", () => {
  const lost = new LostWorkers();
  lost.onGone(dialed("a"), LOST, 0, 1_000);
  lost.onGone(dialed("b"), { kind: "drained", reason: "" }, 0, 2_000);
  lost.onGone(dialed("a"), LOST, 0, 3_000);
  assert.deepEqual(lost.latest.map(({ name, goneAtMs }) => [name, goneAtMs]), [["a:7433", 3_000]]);
});

test("thousands of lost workers are counted, and the latest are listed", () => {
  const lost = new LostWorkers();
  for (let count = 0; count < 3_000; count++) lost.onGone(dialed(`n${count}`), LOST, 0, count);
  assert.equal(lost.count, 3_000);
  assert.equal(lost.latest.length, LATEST_MAX);
  assert.equal(lost.latest[0]?.node, "n2999");
  lost.onReady(dialed("n0"));
  lost.onReady(dialed("n2999"));
  assert.equal(lost.count, 2_998, "who comes back is not counted, however long ago it was lost");
});
