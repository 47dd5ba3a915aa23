/** Heartbeats: workers that hang are given up, and others are not. */

import assert from "node:assert/strict";
import { DEFAULT_POLICY } from "../../../controller/cluster/job_policy.ts";
import { Heartbeat } from "../../../controller/workers/heartbeat.ts";
import { echo, silentAfter } from "../../fixtures/peers/scripted_worker.ts";
import { assertPolite, numberedInputs, test } from "../simulation.ts";

/** A worker that sends nothing for this long is given up. */
const SILENT_MS_MAX = 20_000;

test("a worker that hangs is given up after 20 seconds, and its jobs run elsewhere, once", async (simulation) => {
  const hung = await simulation.worker({ slots: 3 });
  const healthy = await simulation.worker();
  const recorded = simulation.cluster({ speculates: false });
  const inputs = numberedInputs(40);
  hung.hold();
  recorded.dial(hung);
  await recorded.connected(1);
  recorded.addAll(inputs);
  await simulation.until("it has jobs", () => hung.slots.busy === 3);
  hung.hang();
  recorded.dial(healthy);
  await recorded.completed(34);
  await simulation.advance(SILENT_MS_MAX - 1_000);
  assert.deepEqual(recorded.warnings, [], "that is too early");
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.deepEqual(recorded.warnings, [
    `lost worker 127.0.0.1:${hung.port}: no response for 20s; 6 jobs rescheduled`,
  ]);
  assert.equal(recorded.cluster.status.faults.lost, 6);
  assertPolite(healthy);
});

test("a worker that hung is used again when it responds, and its late answers are dropped", async (simulation) => {
  const worker = await simulation.worker();
  const recorded = simulation.cluster();
  const inputs = numberedInputs(20);
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(inputs);
  await simulation.until("it has a job", () => worker.slots.busy === 1);
  worker.hang();
  await recorded.connected(0);
  worker.wake();
  worker.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  await recorded.settled();
});

test("a worker that answers pings while its jobs take long is not given up", async (simulation) => {
  const worker = await simulation.worker();
  const recorded = simulation.cluster();
  const inputs = numberedInputs(4);
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(inputs);
  await simulation.advance(3 * SILENT_MS_MAX);
  assert.equal(worker.received.pings, 12, "it is pinged every 5 seconds");
  worker.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(worker.connections, 1);
  assert.equal(worker.received.jobs.length, inputs.length);
  assertPolite(worker);
});

test("a worker that answers no ping, but a job now and then, is not given up", async (simulation) => {
  const delayMs = SILENT_MS_MAX - 1_000;
  const worker = await simulation.worker({ answersPings: false, delayMs });
  const recorded = simulation.cluster();
  const inputs = numberedInputs(6);
  recorded.dial(worker);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(worker.connections, 1);
  assertPolite(worker);
});

test("a worker that accepts messages but never answers is given up", async (simulation) => {
  const worker = await simulation.worker({ answersPings: false });
  const recorded = simulation.cluster();
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(numberedInputs(1));
  await simulation.until("it is dialed again", () => worker.connections > 1);
  assert.match(recorded.warnings[0] ?? "", /no response for/);
});

test("a worker whose answers are not read is not given up for its silence", async (simulation) => {
  const worker = await simulation.worker();
  const recorded = simulation.cluster();
  const inputs = numberedInputs(4);
  recorded.dial(worker);
  await recorded.connected(1);
  recorded.cluster.pause(true);
  worker.hang();
  await simulation.advance(2 * SILENT_MS_MAX);
  assert.equal(recorded.cluster.status.workers, 1);
  worker.wake();
  recorded.cluster.pause(false);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  assert.equal(worker.connections, 1);
  assert.deepEqual(recorded.warnings, []);
  assertPolite(worker);
});

test("a worker on a slow link that is busy with a large input is not given up", async (simulation) => {
  const worker = await simulation.worker();
  simulation.network.limitRate(worker.port, 200);
  const recorded = simulation.cluster();
  const inputs = [new Uint8Array(6 * 1024 * 1024).fill(1), ...numberedInputs(2)];
  recorded.dial(worker);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(simulation.network.clock.now() > 3 * SILENT_MS_MAX);
  assert.equal(worker.connections, 1);
  assert.deepEqual(recorded.warnings, []);
  assertPolite(worker);
});

/** Checks a heartbeat four times a second, until it does something else than to ping. */
function checked(
  unacknowledgedBytes: number,
  limitMs: number,
): { pingsAtMs: number[]; endMs?: number } {
  const heartbeat = new Heartbeat(1_000);
  const pingsAtMs: number[] = [];
  for (let nowMs = 1_000; nowMs <= 1_000 + limitMs; nowMs += 250) {
    const { kind } = heartbeat.check({ signsOfLife: 0, unacknowledgedBytes }, true, nowMs);
    if (kind === "give up") return { pingsAtMs, endMs: nowMs };
    if (kind !== "ping") continue;
    pingsAtMs.push(nowMs);
    heartbeat.onSent(nowMs);
  }
  return { pingsAtMs };
}

test("a silent worker is pinged every 5 seconds and given up after 20", () => {
  assert.deepEqual(checked(0, 60_000), { pingsAtMs: [6_000, 11_000, 16_000], endMs: 21_000 });
});

test("all who ask whether a worker is still there hear of its answer, and the first question has its limit", () => {
  const heartbeat = new Heartbeat(0);
  const heard: string[] = [];
  const kindAt = (nowMs: number) =>
    heartbeat.check({ signsOfLife: 1, unacknowledgedBytes: 0 }, true, nowMs).kind;
  heartbeat.onAsked(() => heard.push("one"));
  heartbeat.onAsked(() => heard.push("two"));
  heartbeat.onAnswered();
  heartbeat.onAnswered();
  assert.deepEqual(heard, ["one", "two"]);
  heartbeat.onAsked(() => heard.push("three"));
  for (let nowMs = 0; nowMs < 5_000; nowMs += 250) {
    assert.notEqual(kindAt(nowMs), "give up");
    if (nowMs === 3_000) heartbeat.onAsked(() => heard.push("four"));
  }
  assert.equal(kindAt(5_000), "give up");
  assert.equal(heard.length, 2);
});

test("bytes in transit on a slow link extend that limit, up to the size of the buffers", () => {
  assert.equal(checked(1_000_000, 60_000).endMs, 31_000);
  assert.equal(checked(1e9, 200_000).endMs, 21_000 + 84_000, "8 MiB at 100 kB/s");
});

test("a version 1 worker that does not answer is given up if jobs have a time limit", async (simulation) => {
  const mute = await simulation.peer(silentAfter(1));
  const good = await simulation.worker();
  const policy = { ...DEFAULT_POLICY, timeMs: 1_000 };
  const unlimited = simulation.cluster();
  const paused = simulation.cluster({ policy });
  const recorded = simulation.cluster({ policy });
  const inputs = numberedInputs(20);
  for (const cluster of [unlimited, paused, recorded]) {
    cluster.dial(mute);
    cluster.addAll(inputs);
    await cluster.completed(1);
  }
  const before = { paused: paused.warnings.length, unlimited: unlimited.warnings.length };
  paused.cluster.pause(true);
  recorded.dial(good);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  await simulation.advance(60_000);
  const [tooOld, lost] = recorded.warnings;
  assert.match(
    tooOld ?? "",
    /speaks only protocol version 1 and cannot enforce time and memory limits/,
  );
  assert.match(lost ?? "", /has not answered any job for 12s; the time limit of a job is 1s/);
  assert.equal(unlimited.warnings.length, before.unlimited, "it may take as long as it likes");
  assert.equal(paused.warnings.length, before.paused, "its answers are not read");
  paused.cluster.pause(false);
  await simulation.advance(11_000);
  assert.equal(paused.warnings.length, before.paused, "they are read only now");
  await simulation.advance(2_000);
  assert.equal(paused.warnings.length, before.paused + 1);
  assertPolite(good);
});

test("a version 2 worker is not given up for a job over the time limit, which it enforces itself", async (simulation) => {
  const worker = await simulation.worker();
  const recorded = simulation.cluster({ policy: { ...DEFAULT_POLICY, timeMs: 1_000 } });
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(numberedInputs(1));
  await simulation.advance(60_000);
  worker.release();
  await recorded.completed(1);
  assert.equal(worker.connections, 1);
});

test("a worker of version 1 that has no jobs stays connected", async (simulation) => {
  const idle = await simulation.peer(echo());
  const recorded = simulation.cluster();
  recorded.dial(idle);
  await simulation.advance(600_000);
  assert.equal(recorded.cluster.status.workers, 1);
  assert.deepEqual(recorded.warnings, []);
});

test("a worker of version 1 that answers a job now and then is not given up", async (simulation) => {
  const slow = await simulation.peer(echo({ delayMs: 11_000 }));
  const recorded = simulation.cluster({ policy: { ...DEFAULT_POLICY, timeMs: 1_000 } });
  const inputs = numberedInputs(6);
  recorded.dial(slow);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(slow.connections, 1);
});
