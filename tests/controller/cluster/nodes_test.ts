/** Which nodes are set aside, for how long, and when they are used again. */

import assert from "node:assert/strict";
import type { Node } from "../../../controller/cluster/node.ts";
import { Nodes } from "../../../controller/cluster/nodes.ts";
import type { EndpointId } from "../../../pool/ids.ts";
import { silentLog } from "../../../system/log.ts";
import { test } from "../../lib/test.ts";

/** Nodes, and how they limit their endpoints. */
class Scene {
  readonly limits = new Map<EndpointId, number>();
  readonly inFlight = new Map<EndpointId, number>();
  readonly warnings: string[] = [];
  readonly infos: string[] = [];
  readonly nodes: Nodes;
  #endpoints = 0;

  constructor(usableMin = 1) {
    const log = {
      ...silentLog,
      warn: (text: string) => this.warnings.push(text),
      info: (text: string) => this.infos.push(text),
    };
    const limit = (endpoint: EndpointId, jobsMax: number) => this.limits.set(endpoint, jobsMax);
    const inFlightAt = (endpoint: EndpointId) => this.inFlight.get(endpoint) ?? 0;
    const hasIdleSlot = () => false;
    this.nodes = new Nodes({ limit, inFlightAt, hasIdleSlot }, log, usableMin);
  }

  node(name: string, identity = name, history: object = {}, nowMs = 0): Node {
    const endpoint = ++this.#endpoints as EndpointId;
    return this.nodes.onReady(
      { name, identity, voter: identity, hasLimits: true, history },
      endpoint,
      nowMs,
    );
  }

  /** A node that has passed some jobs. */
  proven(name: string, jobs = 4): Node {
    const node = this.node(name);
    for (let count = 0; count < jobs; count++) this.nodes.onPassed(node, true, 0);
    return node;
  }

  /** A job has failed on a node and passed elsewhere. */
  refute(node: Node, nowMs = 0): void {
    this.nodes.onFailed(node, true, nowMs);
    this.nodes.onRefuted(node, "crashed: SIGILL", nowMs);
  }

  /** Its worker is disconnected. */
  lose(node: Node, endpoint = node.endpoint): void {
    assert(endpoint !== undefined);
    this.nodes.onGone(node, endpoint);
  }

  limitOf({ endpoint }: Node): number | undefined {
    return endpoint && this.limits.get(endpoint);
  }
}

test("a node is set aside when a second job that failed there passes on a proven node", () => {
  const scene = new Scene();
  scene.proven("good");
  const bad = scene.node("bad");
  scene.refute(bad);
  assert.equal(bad.standing.kind, "used");
  scene.refute(bad);
  assert.equal(bad.standing.kind, "set aside");
  assert.equal(scene.limitOf(bad), 0);
  assert.deepEqual(scene.warnings, [
    "worker bad is set aside: 2 jobs that failed there passed elsewhere (crashed: SIGILL); " +
    "it gets one job in 10s, as a trial",
  ]);
});

test("no node is set aside as long as no other one has proven itself", () => {
  const scene = new Scene();
  const other = scene.proven("other", 3);
  const bad = scene.node("bad");
  for (let count = 0; count < 5; count++) scene.refute(bad);
  assert.equal(bad.standing.kind, "used");
  scene.nodes.onPassed(other, true, 0);
  scene.refute(bad);
  assert.equal(bad.standing.kind, "set aside");
});

test("the last node but one stays where two workers have to agree", () => {
  const scene = new Scene(2);
  scene.proven("good");
  const bad = scene.node("bad");
  for (let count = 0; count < 5; count++) scene.refute(bad);
  assert.equal(bad.standing.kind, "used");
  scene.proven("third");
  scene.refute(bad);
  assert.equal(bad.standing.kind, "set aside");
});

test("a node that passes most jobs is not set aside, nor one that fails as many as the others", () => {
  const scene = new Scene();
  const others = scene.proven("others", 40);
  const fair = scene.proven("fair", 40);
  scene.refute(fair);
  scene.refute(fair);
  assert.equal(fair.standing.kind, "used", "2 of 42");
  scene.refute(others); // now both fail jobs that pass elsewhere
  const same = scene.proven("same", 20);
  for (let count = 0; count < 3; count++) scene.refute(same);
  assert.equal(same.score.isDoubtful, true);
  assert.equal(same.standing.kind, "set aside", "3 of 23 is more than twice as much");
});

test("a node that is set aside gets one job after ten seconds, and is used again when it passes", () => {
  const scene = new Scene();
  scene.proven("good");
  const bad = scene.node("bad");
  scene.refute(bad);
  scene.refute(bad);
  scene.nodes.onTick(9_999);
  assert.equal(scene.limitOf(bad), 0);
  scene.nodes.onTick(10_000);
  assert.equal(bad.standing.kind, "on trial");
  assert.equal(scene.limitOf(bad), 1);
  scene.nodes.onPassed(bad, true, 10_001);
  assert.equal(bad.standing.kind, "used");
  assert.equal(scene.limitOf(bad), Infinity);
  assert.deepEqual(scene.infos, ["worker bad: it has passed a job and is used again"]);
});

test("jobs that a node had before it was set aside are no trial", () => {
  const scene = new Scene();
  scene.proven("good");
  const bad = scene.node("bad");
  scene.refute(bad);
  scene.refute(bad);
  scene.inFlight.set(bad.endpoint as EndpointId, 1);
  scene.nodes.onPassed(bad, true, 5_000);
  assert.equal(bad.standing.kind, "set aside");
  assert.equal(scene.limitOf(bad), 0);
  scene.nodes.onTick(20_000);
  assert.equal(bad.standing.kind, "set aside", "it still has a job");
  scene.inFlight.clear();
  scene.nodes.onTick(20_000);
  assert.equal(bad.standing.kind, "on trial");
});

test("each failed trial doubles the pause, up to ten minutes", () => {
  const scene = new Scene();
  scene.proven("good");
  const bad = scene.node("bad");
  scene.refute(bad);
  scene.refute(bad);
  let nowMs = 0;
  const pauses: number[] = [];
  for (let trial = 0; trial < 9; trial++) {
    assert(bad.standing.kind === "set aside");
    pauses.push((bad.standing.untilMs - nowMs) / 1000);
    nowMs = bad.standing.untilMs;
    scene.nodes.onTick(nowMs);
    scene.refute(bad, nowMs);
  }
  assert.deepEqual(pauses, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
});

test("a node that was used for more than ten minutes is set aside for ten seconds again", () => {
  for (const [afterMs, pauseMs] of [[600_000, 20_000], [600_001, 10_000]] as const) {
    const scene = new Scene();
    scene.proven("good");
    const bad = scene.node("bad");
    for (let count = 0; count < 2; count++) scene.refute(bad);
    scene.nodes.onTick(10_000);
    scene.nodes.onPassed(bad, true, 10_000);
    const nowMs = 10_000 + afterMs;
    for (let count = 0; count < 2; count++) scene.refute(bad, nowMs);
    assert.deepEqual(bad.standing, { kind: "set aside", untilMs: nowMs + pauseMs });
  }
});

test("a trial with a job that fails everywhere is soon repeated", () => {
  const scene = new Scene();
  scene.proven("good");
  const bad = scene.node("bad");
  for (let count = 0; count < 2; count++) scene.refute(bad);
  scene.nodes.onTick(10_000);
  scene.nodes.onFailed(bad, true, 10_000);
  assert.deepEqual(bad.standing, { kind: "set aside", untilMs: 30_000 });
  scene.nodes.onConfirmed(bad, 11_000);
  assert.deepEqual(bad.standing, { kind: "set aside", untilMs: 21_000 });
});

test("nodes that are set aside are used again when there has been no other one for ten seconds", () => {
  const scene = new Scene();
  const good = scene.proven("good");
  const bad = scene.node("bad");
  for (let count = 0; count < 2; count++) scene.refute(bad);
  scene.lose(good);
  scene.nodes.onTick(1_000);
  scene.node("good", "good", good.history, 5_000); // it comes back, and is lost again
  scene.nodes.onTick(6_000);
  scene.lose(good);
  for (const nowMs of [7_000, 8_000, 9_999]) scene.nodes.onTick(nowMs);
  assert.equal(bad.standing.kind, "set aside");
  scene.nodes.onTick(17_000);
  assert.equal(bad.standing.kind, "used");
});

test("a process that replaces a bad one at its place is the same node, and soon tried", () => {
  const scene = new Scene();
  scene.proven("good");
  const place = {};
  const bad = scene.node("bad", "first", place);
  for (let count = 0; count < 2; count++) scene.refute(bad);
  bad.standing = { kind: "set aside", untilMs: 600_000 };
  scene.lose(bad);
  const next = scene.node("bad", "second", place, 100_000);
  assert.equal(next, bad);
  assert.equal(scene.limitOf(next), 0);
  assert.deepEqual(next.standing, { kind: "set aside", untilMs: 110_000 });
});

test("a process that connects beside another one at its place is a node of its own, as is one after a good one", () => {
  const scene = new Scene();
  const place = {};
  const first = scene.node("a", "a", place);
  scene.refute(first);
  const beside = scene.node("b", "b", place);
  assert.notEqual(beside, first);
  scene.nodes.onPassed(beside, true, 0);
  scene.lose(beside);
  assert.notEqual(scene.node("c", "c", place), beside);
});

test("a process that connects again is the same node", () => {
  const scene = new Scene();
  const node = scene.node("a", "identity");
  scene.lose(node);
  assert.equal(scene.node("a", "identity"), node);
});

test("a worker that connects again before its former connection ends stays connected", () => {
  const scene = new Scene();
  const { endpoint: former } = scene.node("a");
  const node = scene.node("a");
  scene.lose(node, former);
  assert.deepEqual(scene.nodes.connected, [node]);
  assert.deepEqual(scene.nodes.usable, [node]);
  scene.lose(node);
  assert.deepEqual(scene.nodes.connected, []);
});

test("a node gets 1,024 jobs at most before its first job has passed", () => {
  const scene = new Scene();
  const node = scene.node("a");
  assert.equal(scene.limitOf(node), 1_024);
  scene.nodes.onFailed(node, true, 0);
  assert.equal(scene.limitOf(node), 1_024);
  scene.nodes.onPassed(node, true, 0);
  assert.equal(scene.limitOf(node), Infinity);
});

test("a thousand nodes that are gone are remembered, and no more", () => {
  const scene = new Scene();
  const nodes = Array.from({ length: 1_002 }, (_, index) => scene.node(`${index}`));
  for (const node of nodes) scene.lose(node);
  scene.node("new");
  assert.notEqual(scene.node("0", "0"), nodes[0]);
  assert.equal(scene.node("1001", "1001"), nodes[1_001]);
});

test("undecided failures count less once nodes that have proven themselves fail many jobs, too", () => {
  const scene = new Scene();
  const node = scene.proven("a", 14);
  scene.nodes.onFailed(node, true, 0);
  assert.equal(node.score.isTrusted, false);
  const other = scene.proven("other", 30);
  for (let count = 0; count < 20; count++) {
    scene.nodes.onFailed(other, true, 0);
    scene.nodes.onConfirmed(other, 0);
  }
  scene.nodes.reweigh();
  assert.equal(node.score.isTrusted, false, "no job is known to fail on two nodes");
  scene.nodes.run.confirmed = 1;
  scene.nodes.reweigh();
  assert.equal(node.score.isTrusted, true, "the other one fails 20 of 50");
});

test("failures of a job are in doubt only where one of the nodes has failed good jobs, and they have not passed many", () => {
  const scene = new Scene();
  const bad = ["a", "b", "c"].map((name) => scene.proven(name, 0)) as [Node, Node, Node];
  const good = ["d", "e"].map((name) => scene.proven(name, 9)) as [Node, Node];
  for (const node of bad) scene.nodes.onFailed(node, true, 0);
  assert.equal(scene.nodes.areDoubted(bad), false, "no good job has failed");
  scene.nodes.onRefuted(bad[0], "why", 0);
  assert.equal(scene.nodes.areDoubted(bad), true);
  assert.equal(scene.nodes.areDoubted([bad[0], bad[1], good[0]]), true, "9 passes");
  assert.equal(scene.nodes.areDoubted([bad[0], good[0], good[1]]), false, "18 passes");
  assert.equal(
    scene.nodes.areDoubted([bad[1], bad[2], good[0]]),
    false,
    "no good job failed there",
  );
});
