/** Where a failed job is tried next. */

import assert from "node:assert/strict";
import type { Node } from "../../../controller/cluster/node.ts";
import { Nodes } from "../../../controller/cluster/nodes.ts";
import { isSame, Placement } from "../../../controller/cluster/placement.ts";
import type { EndpointId } from "../../../pool/ids.ts";
import type { AntiAffinity } from "../../../pool/job.ts";
import { silentLog } from "../../../system/log.ts";
import { test } from "../../lib/test.ts";

/** Nodes whose slots are busy or idle as the test says. */
class Scene {
  readonly idle = new Set<EndpointId>();
  readonly nodes = new Nodes({
    limit: () => {},
    inFlightAt: () => 0,
    hasIdleSlot: (endpoint) => this.idle.has(endpoint),
  }, silentLog);
  readonly placement = new Placement<string>(this.nodes);
  #endpoints = 0;

  /** A node that has passed jobs, and failed some that are not decided yet. */
  node(name: string, passed = 0, failed = 0): Node {
    const endpoint = ++this.#endpoints as EndpointId;
    const node = this.nodes.onReady(
      { name, identity: name, voter: name, hasLimits: true, history: {} },
      endpoint,
      0,
    );
    for (let count = 0; count < passed; count++) this.nodes.onPassed(node, true, 0);
    for (let count = 0; count < failed; count++) this.nodes.onFailed(node, true, 0);
    return node;
  }

  setIdle(...nodes: Node[]): void {
    for (const { endpoint } of nodes) if (endpoint !== undefined) this.idle.add(endpoint);
  }

  /** The names of the nodes where the job may run. */
  allowed({ endpoints, isRequired }: AntiAffinity): string[] {
    assert.equal(isRequired, true);
    return this.nodes.connected
      .filter(({ endpoint }) => endpoint !== undefined && !endpoints.includes(endpoint))
      .map(({ name }) => name);
  }
}

test("the second try goes to nodes with nothing against them, as long as there are some", () => {
  const scene = new Scene();
  scene.node("failed", 0, 1);
  const others = [scene.node("doubtful", 0, 1), scene.node("clean"), scene.node("good", 20)];
  const place = scene.placement.elsewhere("job", others, 1, true);
  assert.deepEqual(scene.allowed(place), ["clean", "good"]);
});

test("the last try goes to a reliable node only", () => {
  const scene = new Scene();
  scene.node("failed", 0, 1);
  const others = [scene.node("doubtful", 0, 1), scene.node("clean"), scene.node("good", 20)];
  const place = scene.placement.elsewhere("job", others, 2, true);
  assert.deepEqual(scene.allowed(place), ["good"]);
});

test("all nodes are looked at a few times for a try, however many there are", () => {
  const scene = new Scene();
  const others = Array.from({ length: 50 }, (_, index) => scene.node(`node ${index}`, 20));
  let looks = 0;
  const { usable } = scene.nodes;
  Object.defineProperty(scene.nodes, "usable", {
    get: () => {
      looks += 1;
      return usable;
    },
  });
  scene.placement.elsewhere("job", others, 2, true);
  assert(looks <= 2, `${looks} times`);
});

test("the last try waits while no node is reliable and some are busy, and then goes to the best one", () => {
  const scene = new Scene();
  scene.node("failed", 0, 1);
  const [bad, good] = [scene.node("bad", 5, 3), scene.node("good", 3)];
  scene.setIdle(bad);
  assert.deepEqual(scene.allowed(scene.placement.elsewhere("job", [bad, good], 2, true)), []);
  assert.equal(scene.placement.isReviewDue, true, "a slot is idle");
  scene.setIdle(good);
  assert.deepEqual(scene.allowed(scene.placement.elsewhere("job", [bad, good], 2, true)), ["good"]);
  assert.equal(scene.placement.isReviewDue, false, "no job waits");
});

test("sixty-four jobs wait for a node that proves itself if something speaks against all, and no more", () => {
  const scene = new Scene();
  const doubtful = scene.node("doubtful", 0, 1);
  for (let job = 0; job < 64; job++) {
    assert.deepEqual(scene.allowed(scene.placement.elsewhere(`${job}`, [doubtful], 2, true)), []);
  }
  const next = scene.placement.elsewhere("next", [doubtful], 2, true);
  assert.deepEqual(scene.allowed(next), ["doubtful"]);
  scene.placement.forget("0");
  assert.deepEqual(scene.allowed(scene.placement.elsewhere("next", [doubtful], 2, true)), []);
});

test("a job that is most likely bad waits for a slot that has nothing else to do", () => {
  const scene = new Scene();
  scene.node("failed", 5, 1);
  const [busy, idle] = [scene.node("busy", 20), scene.node("idle", 20)];
  assert.deepEqual(scene.allowed(scene.placement.elsewhere("job", [busy, idle], 1, false)), []);
  scene.setIdle(idle);
  assert.equal(scene.placement.isReviewDue, true);
  assert.deepEqual(scene.allowed(scene.placement.elsewhere("job", [busy, idle], 1, false)), [
    "idle",
  ]);
});

test("two anti-affinities are the same if they have the same endpoints in the same order", () => {
  const [one, two] = [1, 2] as [EndpointId, EndpointId];
  const place = { endpoints: [one, two], isRequired: true };
  assert.equal(isSame(place, { ...place }), true);
  assert.equal(isSame(place, { ...place, isRequired: false }), false);
  assert.equal(isSame(place, { endpoints: [one], isRequired: true }), false);
  assert.equal(isSame(place, { endpoints: [one, one], isRequired: true }), false);
});
