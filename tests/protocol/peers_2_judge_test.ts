/** The scripted peers of version 2 detect each violation of the protocol by the other, and complain about no other. */

import assert from "node:assert/strict";
import { ControllerV2, digestOf } from "../fixtures/peers/controller_2.ts";
import {
  CANCEL,
  CHOOSE,
  concat,
  DESCRIBE,
  DRAINING,
  encodeFrame,
  ERROR,
  type Frame,
  FrameReader,
  JOB,
  KIND_ERROR,
  KINDS,
  LIMITED_JOB,
  OK,
  PING,
  utf8,
  VERSION,
} from "../fixtures/peers/frames.ts";
import { type Script, startPeer } from "../fixtures/peers/scripted_worker.ts";
import { ScriptedWorker2 } from "../fixtures/peers/scripted_worker_2.ts";
import { Judge } from "../fixtures/peers/worker_2_judge.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { ABC, CORE, loaded, withCore } from "./controllers_2.ts";

/** What a controller does wrong, and what the worker complains about. */
const wrongs: [string, RegExp, (controller: ControllerV2) => Promise<unknown>][] = [
  ["speaks before the exchange", /before the version exchange/, (it) => it.describe()],
  ["cancels with 7 bytes", /malformed message of type 7/, async (it) => {
    await it.agree();
    await it.send(CANCEL, new Uint8Array(7));
  }],
  ["sends a message of a later version", /unknown message of type 9/, async (it) => {
    await it.agree();
    await it.send(9, new Uint8Array());
  }],
  ["sends a job for the 0th time", /0th time/, async (it) => {
    await it.agree();
    await it.sendLimitedJob(ABC, { attempt: 0 });
  }],
  ["sends a job twice under one id", /sent again before its answer/, async (it) => {
    await loaded(it);
    void it.sendJob(1n, ABC, 5n);
    await it.raw(frame(JOB, 5n, new Uint8Array(16)));
    await it.closed;
  }],
  ["owes the core that it chose", /chosen, and never sent/, async (it) => {
    await it.agree();
    await it.choose("core", digestOf(CORE));
    await it.halfClose();
  }],
];

for (const [wrong, complaint, act] of wrongs) {
  test(`a worker of version 2 complains about a controller that ${wrong}`, async () => {
    await using worker = await ScriptedWorker2.start();
    await using controller = await ControllerV2.connect(worker.port);
    await act(controller);
    await eventually("the complaint", () => worker.complaints.length > 0);
    assert.match(worker.complaints.join(), complaint);
  });
}

test("a worker of version 2 complains about a job that is sent again after its drain notice", async () => {
  await using worker = await ScriptedWorker2.start();
  await using controller = await withCore(worker);
  worker.hold();
  void controller.sendLimitedJob(ABC);
  await eventually("the job is there", () => worker.received.jobs.length === 1);
  worker.drain();
  await controller.draining;
  await controller.sendLimitedJob(ABC, { jobId: 5n });
  assert.deepEqual(worker.complaints, []);
  await controller.sendLimitedJob(ABC, { jobId: 5n, attempt: 2 });
  assert.match(worker.complaints.join(), /job 5 again/);
});

test("a worker of version 2 accepts 65,536 unanswered jobs, and complains about one more", async () => {
  await using worker = await ScriptedWorker2.start();
  await using controller = await withCore(worker);
  worker.hold();
  const one = frame(LIMITED_JOB, 0n, new Uint8Array(36));
  const all = new Uint8Array(65_536 * one.length);
  for (let index = 0; index < 65_536; index++) {
    all.set(one, index * one.length);
    new DataView(all.buffer).setUint32(index * one.length + 1, 1_000 + index, true);
    new DataView(all.buffer).setUint32(index * one.length + 17, 1, true);
  }
  await controller.raw(all);
  await eventually("all jobs are there", () => worker.received.jobs.length === 65_536);
  assert.deepEqual(worker.complaints, []);
  void controller.sendLimitedJob(ABC);
  await eventually("the complaint", () => worker.complaints.length > 0);
  assert.match(worker.complaints.join(), /65537 jobs .* unanswered/);
});

test("one job of more than 256 MiB may be unanswered, but no other job at the same time", () => {
  const complaints: string[] = [];
  const judge = new Judge((about) => complaints.push(about));
  const bytes = 256 * 1024 * 1024;
  judge.onJob(1n, 1, { jobs: 1, bytes: 2 * bytes });
  judge.onJob(2n, 1, { jobs: 2, bytes });
  assert.deepEqual(complaints, []);
  judge.onJob(3n, 1, { jobs: 2, bytes: bytes + 1 });
  judge.onJob(4n, 1, { jobs: 3, bytes: bytes + 2 });
  assert.deepEqual(complaints, [`2 jobs of ${bytes + 1} bytes are unanswered`]);
});

const EMPTY = new Uint8Array();
const KIND = (kind: number) => concat(Uint8Array.of(kind), utf8("why"));

/** What a worker does wrong when it gets a message, and the error of the controller. */
const lies: [string, RegExp, number, (id: bigint) => Frame[]][] = [
  ["leaves out the kind of an error", /type 255 to id 7/, PING, (id) => [
    { type: ERROR, id, payload: utf8("why") },
  ]],
  ["sends an error without even a kind", /type 254 to id 7/, PING, (id) => [
    { type: KIND_ERROR, id, payload: EMPTY },
  ]],
  ["says that a job was cancelled which was not", /was not cancelled/, JOB, (id) => [
    { type: KIND_ERROR, id, payload: KIND(KINDS.cancelled) },
  ]],
  ["refuses a job for leaving, and has not said it leaves", /not said it leaves/, JOB, (id) => [
    { type: KIND_ERROR, id, payload: KIND(KINDS.draining) },
  ]],
  ["says twice that it leaves", /says again/, PING, () => [
    { type: DRAINING, id: 0n, payload: EMPTY },
    { type: DRAINING, id: 0n, payload: EMPTY },
  ]],
  ["puts an id on the notice that it leaves", /malformed notice with id 7/, PING, (id) => [
    { type: DRAINING, id, payload: EMPTY },
  ]],
  ["describes itself in no words", /type 1 to id 7/, DESCRIBE, (id) => [
    { type: OK, id, payload: EMPTY },
  ]],
  ["describes itself with 0 slots", /type 1 to id 7/, DESCRIBE, (id) => [
    { type: OK, id, payload: new Uint8Array(16 + 4 + 8 + 3 * 8 + 4) },
  ]],
  ["answers a choice with 2", /type 1 to id 7/, CHOOSE, (id) => [
    { type: OK, id, payload: Uint8Array.of(2) },
  ]],
  ["answers a ping with a byte too many", /type 1 to id 7/, PING, (id) => [
    { type: OK, id, payload: new Uint8Array(21) },
  ]],
  ["answers a job with limits in 3 bytes", /type 1 to id 7/, LIMITED_JOB, (id) => [
    { type: OK, id, payload: new Uint8Array(3) },
  ]],
];

for (const [lie, complaint, type, answer] of lies) {
  test(`a controller of version 2 gives up a worker that ${lie}`, async () => {
    await using peer = await startPeer(lying(answer));
    await using controller = await ControllerV2.agreed(peer.port);
    await assert.rejects(controller.send(type, EMPTY, 7n), complaint);
    assert.equal((await controller.closed).by, "controller");
  });
}

test("a controller of version 2 gives up a worker that answers a cancel before the job", async () => {
  const onlyCancels = lying((id) => id === 8n ? [{ type: OK, id, payload: EMPTY }] : []);
  await using peer = await startPeer(onlyCancels);
  await using controller = await ControllerV2.agreed(peer.port);
  const job = controller.sendLimitedJob(ABC, {}, 7n);
  await assert.rejects(controller.cancel(7n, 8n), /answered before the job/);
  await assert.rejects(job);
});

for (const type of [KIND_ERROR, DRAINING]) {
  test(`a controller of version 2 gives up a worker that sends type ${type} without having agreed`, async () => {
    const sends: Script = (session) =>
      session.socket.once("data", () => session.send(frame(type, 0n, EMPTY)));
    await using peer = await startPeer(sends);
    await using controller = await ControllerV2.connect(peer.port);
    await assert.rejects(controller.exchangeVersion(2, 0n));
    assert.equal((await controller.closed).by, "controller");
  });
}

/** Accepts any version, and answers every other message as told. */
function lying(answer: (id: bigint) => Frame[]): Script {
  return (session) => {
    const reader = new FrameReader();
    session.socket.on("data", (bytes: Uint8Array) => {
      for (const { type, id } of reader.push(bytes)) {
        if (type === VERSION) session.ok(id, Uint8Array.of(1));
        else answer(id).forEach((frame) => session.send(encodeFrame(frame)));
      }
    });
  };
}

function frame(type: number, id: bigint, payload: Uint8Array): Uint8Array {
  return encodeFrame({ type, id, payload });
}
