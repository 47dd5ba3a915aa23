/** Workers that drain: they finish what runs, and everything else runs elsewhere. */

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
import type { Script } from "../../fixtures/peers/scripted_worker.ts";
import { assertPolite, numberedInputs, test, textOf } from "../simulation.ts";

test("a draining worker finishes its running jobs, and those that it refuses are first attempts elsewhere", async (simulation) => {
  const draining = await simulation.worker({ slots: 2 });
  const staying = await simulation.worker();
  const recorded = simulation.cluster({ speculates: false });
  const inputs = numberedInputs(20);
  draining.hold();
  recorded.dial(draining);
  await recorded.connected(1);
  recorded.addAll(inputs);
  await simulation.until("its slots are busy", () => draining.slots.busy === 2);
  assert.equal(draining.slots.waiting, 2);
  draining.drain();
  recorded.dial(staying);
  await recorded.completed(18);
  await simulation.advance(60_000);
  assert.equal(draining.openConnections, 1, "it still has jobs");
  draining.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(draining.received.jobs.length, 4, "nothing is sent after the notice");
  assert(staying.received.jobs.every(({ attempt }) => attempt === undefined), "no second attempts");
  assert(recorded.completions.every(({ job }) => job.attempt === 1));
  assert.equal(recorded.cluster.status.faults.lost, 0);
  await simulation.until("it is disconnected", () => draining.openConnections === 0);
  assertPolite(draining, staying);
  await recorded.settled();
});

test("a worker that disconnects before it has drained does not count as lost", async (simulation) => {
  const worker = await simulation.worker({ slots: 2 });
  const recorded = simulation.cluster();
  const inputs = numberedInputs(20);
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(inputs);
  await simulation.until("it has a queue", () => worker.slots.waiting === 2);
  worker.drain();
  await simulation.advance(1_000);
  worker.restart();
  worker.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.deepEqual(recorded.warnings.slice(0, 1), [
    `worker 127.0.0.1:${worker.port} has drained and disconnected; 2 jobs rescheduled`,
  ]);
  assert.equal(recorded.cluster.status.faults.lost, 0);
});

test("a job for which no worker has enough time is reported", async (simulation) => {
  const worker = await simulation.worker({ slots: 1 });
  const recorded = simulation.cluster();
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(numberedInputs(1));
  for (let times = 1; times <= 3; times++) {
    await simulation.until("it runs", () => worker.slots.busy === 1);
    await simulation.advance(40_000);
    worker.drain();
    await simulation.advance(1_000);
    worker.restart();
  }
  worker.release();
  await recorded.completed(1);
  const said = recorded.warnings.filter((text) => text.startsWith("3 workers in a row have left"));
  assert.equal(said.length, 1, recorded.warnings.join("\n"));
});

test("a job for which no worker has enough time is said, whatever else runs on these workers", async (simulation) => {
  const worker = await simulation.worker({ slots: 2 });
  const recorded = simulation.cluster({ speculates: false });
  let times = 1;
  worker.script.answerJob = (job) =>
    times > 3 || times === 3 && textOf(job) === "input 0" ? "echo" : "silence";
  recorded.dial(worker);
  recorded.addAll(numberedInputs(2));
  for (; times <= 3; times++) {
    await simulation.until("both are sent", () => worker.received.jobs.length === 2 * times);
    await simulation.advance(40_000);
    worker.drain();
    await simulation.advance(1_000);
    worker.restart();
  }
  await recorded.completed(2);
  const said = recorded.warnings.filter((text) => text.startsWith("3 workers in a row have left"));
  assert.equal(said.length, 1, recorded.warnings.join("\n"));
});

test("the only worker drains and comes back", async (simulation) => {
  const worker = await simulation.worker({ slots: 2 });
  const recorded = simulation.cluster();
  const inputs = numberedInputs(20);
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(inputs);
  await simulation.until("it has a queue", () => worker.slots.waiting === 2);
  worker.drain();
  worker.release();
  await simulation.until("it is gone", () => worker.openConnections === 0);
  worker.restart();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(recorded.completions.every(({ job }) => job.attempt === 1));
  assertPolite(worker);
});

test("a worker that refuses a job as draining, without a notice, gets no more jobs", async (simulation) => {
  const odd = await simulation.worker();
  const good = await simulation.worker({ delayMs: 5 });
  odd.script.answerJob = () => ({ kind: KINDS.draining, text: "draining" });
  const recorded = simulation.cluster();
  const inputs = numberedInputs(60);
  recorded.dial(odd);
  await recorded.connected(1);
  recorded.addAll(inputs);
  await simulation.until("it is disconnected and dialed again", () => odd.connections > 1);
  recorded.dial(good);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(
    odd.received.jobs.length <= 2 * odd.connections,
    `${odd.received.jobs.length} jobs on ${odd.connections} connections`,
  );
  assert(recorded.warnings.includes(`worker 127.0.0.1:${odd.port} takes no more jobs: draining`));
  assertPolite(good);
});

test("a worker that refuses every job as draining and stays is disconnected, and the reason says so", async (simulation) => {
  const odd = await simulation.worker({
    answerJob: () => ({ kind: KINDS.draining, text: "draining" }),
  });
  const recorded = simulation.cluster();
  recorded.dial(odd);
  recorded.addAll(numberedInputs(1));
  assert.deepEqual(await recorded.noWorkerLeft(), [
    `127.0.0.1:${odd.port}: it is draining and has no jobs left`,
  ]);
});

test("a worker that drains before it has described itself gets no core and no job", async (simulation) => {
  const messages: number[] = [];
  const peer = await simulation.peer(drainsAtOnce(messages));
  const good = await simulation.worker({ delayMs: 5 });
  const recorded = simulation.cluster();
  const inputs = numberedInputs(60);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await simulation.until("it is dialed twice", () => peer.connections >= 2);
  recorded.dial(good);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  const unwanted = messages.filter((type) => type !== VERSION && type !== DESCRIBE);
  assert.deepEqual(unwanted, []);
  assertPolite(good);
});

test("a drain notice that has an id, or a payload, breaks the protocol", async (simulation) => {
  for (
    const [notice, problem] of [
      [{ id: 5n, payload: new Uint8Array() }, /drain notice has id 5, expected 0/],
      [{ id: 0n, payload: Uint8Array.of(1) }, /does not speak the worker protocol/],
    ] as const
  ) {
    const peer = await simulation.peer(drainsAtOnce([], notice));
    const recorded = simulation.cluster();
    recorded.dial(peer);
    assert.match((await recorded.noWorkerLeft())[0] ?? "", problem);
  }
});

test("a removed worker finishes its jobs, and is used again when it is added again", async (simulation) => {
  const worker = await simulation.worker();
  const other = await simulation.worker({ delayMs: 1 });
  const recorded = simulation.cluster();
  const inputs = numberedInputs(60);
  worker.hold();
  recorded.dial(worker);
  await recorded.connected(1);
  recorded.add(inputs.slice(0, 30));
  await simulation.until("it has jobs", () => worker.slots.waiting === 1);
  recorded.leave(worker);
  recorded.dial(other);
  await recorded.completed(28);
  recorded.dial(worker);
  await simulation.until("it is connected twice", () => worker.openConnections === 2);
  await recorded.connected(3);
  worker.release();
  recorded.addAll(inputs.slice(30));
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  await simulation.until("the first connection ends", () => worker.openConnections === 1);
  assert.deepEqual(recorded.warnings, [
    `worker 127.0.0.1:${worker.port} has drained and disconnected`,
  ]);
  const texts = worker.received.jobs.map(textOf);
  assert(texts.some((text) => Number(text.slice(6)) >= 30), "it has got new jobs");
  assertPolite(worker, other);
});

/** Agrees on version 2 and says in the same breath that it drains; describes itself, and stays. */
function drainsAtOnce(
  messages: number[],
  notice = { id: 0n, payload: new Uint8Array() },
): Script {
  return (session) => {
    const reader = new FrameReader();
    session.socket.on("data", (bytes: Uint8Array) => {
      for (const { type, id } of reader.push(bytes)) {
        messages.push(type);
        if (type === VERSION) {
          session.ok(id, Uint8Array.of(1));
          session.send(encodeFrame({ type: DRAINING, ...notice }));
        } else if (type === DESCRIBE) {
          const texts = ["linux-x86_64", "odd", "here"].map((text) => blob(utf8(text)));
          session.ok(id, concat(new Uint8Array(16), int32(1), u64(0n), ...texts, int32(0)));
        }
      }
    });
  };
}

test("workers that are removed together are few lines of the log", async (simulation) => {
  const recorded = simulation.cluster();
  const workers = await simulation.workers(...Array(40).fill({}));
  const staying = await simulation.worker();
  for (const worker of [staying, ...workers]) recorded.dial(worker);
  await recorded.connected(41);
  await simulation.advance(5_000);
  assert.deepEqual(recorded.infos.splice(0), ["41 workers joined: 41 slots"]);
  for (const worker of workers) recorded.leave(worker);
  await recorded.connected(1);
  await simulation.advance(5_000);
  assert.deepEqual([recorded.infos.length, recorded.warnings.length], [4, 4]);
  assert.equal(recorded.infos.at(-1), "37 more workers are draining");
  assert.equal(recorded.warnings.at(-1), "37 more workers have drained and disconnected");
});
