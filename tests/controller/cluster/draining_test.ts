/** Workers that are about to leave. */

import assert from "node:assert/strict";
import {
  blob,
  concat,
  DESCRIBE,
  DRAINING,
  encodeFrame,
  FrameReader,
  int32,
  KINDS,
  u64,
  utf8,
  VERSION,
} from "../../fixtures/peers/frames.ts";
import { type Script, startPeer } from "../../fixtures/peers/scripted_worker.ts";
import { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";
import { assertPolite, numberedInputs, RecordedCluster, textOf } from "./clusters.ts";

const LIMITS = { hopeMs: 20_000, versionMs: 2_000 };

test("a worker that leaves answers what runs, and what it refuses runs elsewhere for the first time", async () => {
  await using leaving = await ScriptedWorker2.start({ slots: 2 });
  await using staying = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(20);
  leaving.hold();
  recorded.dial(leaving);
  await recorded.connected(1);
  recorded.addAll(inputs);
  await eventually("it has a queue", () => leaving.slots.busy === 2 && leaving.slots.waiting === 2);
  leaving.drain();
  recorded.dial(staying);
  await recorded.completed(18);
  assert.equal(leaving.openConnections, 1, "it still has jobs");
  leaving.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(leaving.received.jobs.length, 4, "nothing is sent after the notice");
  assert(staying.received.jobs.every(({ attempt }) => attempt === undefined), "no second attempts");
  assert(recorded.completions.every(({ job }) => job.attempt === 1));
  assert.equal(recorded.cluster.status.faults.lost, 0);
  await eventually("it is let go", () => leaving.openConnections === 0);
  assertPolite(leaving, staying);
  await recorded.settled();
});

test("the only worker leaves and comes back", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(20);
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(inputs);
  await eventually("it has a queue", () => worker.slots.waiting === 2);
  worker.drain();
  worker.release();
  await eventually("it is gone", () => worker.openConnections === 0);
  worker.restart();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(recorded.completions.every(({ job }) => job.attempt === 1));
  assertPolite(worker);
});

test("a worker that refuses jobs and has not said that it leaves gets no more, and is let go", async () => {
  await using odd = await ScriptedWorker2.start();
  await using good = await ScriptedWorker2.start({ delayMs: 5 });
  odd.script.answerJob = () => ({ kind: KINDS.draining, text: "about to leave" });
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(60);
  recorded.dial(odd);
  await recorded.connected(1);
  recorded.addAll(inputs);
  await eventually("it is let go", () => odd.connections > 1);
  recorded.dial(good);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(
    odd.received.jobs.length <= 2 * odd.connections,
    `${odd.received.jobs.length} jobs on ${odd.connections} connections`,
  );
  assertPolite(good);
});

test("a worker that says at once that it leaves, and stays, gets no core and no job", async () => {
  const messages: number[] = [];
  await using peer = await startPeer(leavesAtOnce(messages));
  await using good = await ScriptedWorker2.start({ delayMs: 5 });
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(60);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await eventually("it is dialled twice", () => peer.connections >= 2);
  recorded.dial(good);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  const unwanted = messages.filter((type) => type !== VERSION && type !== DESCRIBE);
  assert.deepEqual(unwanted, []);
  assertPolite(good);
});

test("a worker that one does without finishes what it has, and is used again when it is dialled", async () => {
  await using worker = await ScriptedWorker2.start();
  await using other = await ScriptedWorker2.start({ delayMs: 1 });
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(60);
  worker.hold();
  recorded.dial(worker);
  await recorded.connected(1);
  recorded.add(inputs.slice(0, 30));
  await eventually("it is at work", () => worker.slots.waiting === 1);
  recorded.leave(worker);
  recorded.dial(other);
  await recorded.completed(28);
  recorded.dial(worker);
  await eventually("it is here twice", () => worker.openConnections === 2);
  await recorded.connected(3);
  worker.release();
  recorded.addAll(inputs.slice(30));
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  await eventually("the first connection ends", () => worker.openConnections === 1);
  assert.deepEqual(recorded.warnings.filter((text) => !/has left/.test(text)), []);
  const texts = worker.received.jobs.map(textOf);
  assert(texts.some((text) => Number(text.slice(6)) >= 30), "it has got new jobs");
  assertPolite(worker, other);
});

/** Agrees on version 2 and says in the same breath that it leaves; describes itself, and stays. */
function leavesAtOnce(messages: number[]): Script {
  return (session) => {
    const reader = new FrameReader();
    session.socket.on("data", (bytes: Uint8Array) => {
      for (const { type, id } of reader.push(bytes)) {
        messages.push(type);
        if (type === VERSION) {
          session.ok(id, Uint8Array.of(1));
          session.send(encodeFrame({ type: DRAINING, id: 0n, payload: new Uint8Array() }));
        } else if (type === DESCRIBE) {
          const texts = ["linux-x86_64", "odd", "here"].map((text) => blob(utf8(text)));
          session.ok(id, concat(new Uint8Array(16), int32(1), u64(0n), ...texts, int32(0)));
        }
      }
    });
  };
}
