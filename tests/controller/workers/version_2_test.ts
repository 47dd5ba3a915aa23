/** What a controller says to a worker of version 2. */

import assert from "node:assert/strict";
import { DEFAULT_POLICY } from "../../../controller/cluster/job_policy.ts";
import { coreImage } from "../../../controller/workers/core_image.ts";
import {
  blob,
  CHOOSE,
  concat,
  DESCRIBE,
  FrameReader,
  int32,
  JOB,
  KIND_ERROR,
  KINDS,
  OK,
  u64,
  utf8,
  VERSION,
} from "../../fixtures/peers/frames.ts";
import type { Script } from "../../fixtures/peers/scripted_worker.ts";
import type { Options2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { assertPolite, CORE, numberedInputs, test, textOf } from "../simulation.ts";

/** A worker with one slot. */
const DESCRIPTION = concat(
  new Uint8Array(16),
  int32(1),
  u64(0n),
  ...["linux-x86_64", "odd", "here"].map((text) => blob(utf8(text))),
  int32(0),
);

test("a worker of version 2 has a job in each of its slots before it has answered any", async (simulation) => {
  const worker = await simulation.worker({ slots: 7 });
  const recorded = simulation.cluster();
  const inputs = numberedInputs(40);
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(inputs);
  await simulation.until("all slots have a job", () => worker.slots.busy === 7);
  assert.equal(recorded.cluster.status.slots, 7);
  assert(recorded.cluster.status.slotsAreKnown);
  worker.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(worker.received.describes, 1);
  assertPolite(worker);
});

test("of the slots that a worker claims to have, 1,024 are believed before its answers show more", async (simulation) => {
  const worker = await simulation.worker({ slots: 10_000_000 });
  const recorded = simulation.cluster();
  recorded.dial(worker);
  recorded.addAll(numberedInputs(1));
  await recorded.completed(1);
  assert.equal(recorded.cluster.status.slots, 1_024);
});

const CORES: [string, Options2, number][] = [
  ["does not have the core is offered it, then sent it", {}, 1],
  ["has the core is not sent it", { keptCores: [CORE.key] }, 0],
  ["says that it has the core, and has not, is sent it", {
    keptCores: [CORE.key],
    forgetsCores: true,
  }, 1],
];

for (const [what, options, sent] of CORES) {
  test(`a worker of version 2 that ${what}`, async (simulation) => {
    const worker = await simulation.worker(options);
    const recorded = simulation.cluster();
    const inputs = numberedInputs(10);
    recorded.dial(worker);
    recorded.addAll(inputs);
    await recorded.completed(inputs.length);
    recorded.assertEchoed(inputs);
    const core = { name: CORE.name, digest: CORE.key as string };
    assert.deepEqual(worker.received.chooses, [core]);
    assert.deepEqual(worker.received.cores, Array(sent).fill(core));
    assertPolite(worker);
  });
}

for (const [what, isSame] of [["the same", true], ["another", false]] as const) {
  test(`${what} worker on a second connection ${isSame ? "is not" : "is"} sent the core again`, async (simulation) => {
    const worker = await simulation.worker();
    const recorded = simulation.cluster();
    const inputs = numberedInputs(20);
    recorded.dial(worker);
    recorded.add(inputs.slice(0, 10));
    await recorded.completed(10);
    if (isSame) worker.cut();
    else worker.restart();
    recorded.addAll(inputs.slice(10));
    await recorded.completed(20);
    recorded.assertEchoed(inputs);
    assert.equal(worker.received.chooses.length, 2);
    assert.equal(worker.received.cores.length, isSame ? 1 : 2);
    assertPolite(worker);
  });
}

for (const [what, keptCores] of [["is sent", []], ["has kept", [CORE.key]]] as const) {
  test(`a worker of version 2 that cannot load the core that it ${what} is given up`, async (simulation) => {
    const answerCore = () => ({ kind: KINDS.core, text: "built for another machine" });
    const worker = await simulation.worker({ keptCores, answerCore });
    const recorded = simulation.cluster();
    recorded.dial(worker);
    recorded.addAll(numberedInputs(3));
    const reasons = await recorded.noWorkerLeft();
    assert.deepEqual(reasons, [`127.0.0.1:${worker.port}: built for another machine`]);
    assertPolite(worker);
  });
}

test("the time limit for loading a large core allows for a slow link", async (simulation) => {
  const worker = await simulation.worker();
  simulation.network.limitRate(worker.port, 110);
  const large = coreImage("large.so", new Uint8Array(22_000_000));
  const recorded = simulation.cluster({}, large);
  recorded.dial(worker);
  recorded.addAll(numberedInputs(1));
  await recorded.completed(1);
  assert(simulation.network.clock.now() > 190_000, "loading alone may take 180 seconds");
  assert.equal(worker.connections, 1);
});

test("a first attempt without limits is sent as a plain job message, and later attempts have their number", async (simulation) => {
  const worker = await simulation.worker();
  const recorded = simulation.cluster();
  worker.script.answerJob = ({ attempt }) =>
    attempt === undefined ? { kind: KINDS.crash, text: "crashed" } : "echo";
  const inputs = numberedInputs(5);
  recorded.dial(worker);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  for (const input of inputs) {
    const jobs = worker.received.jobs.filter((job) => textOf(job) === textOf({ input }));
    assert.deepEqual(
      jobs.map(({ attempt, timeMs, memoryBytes }) => ({ attempt, timeMs, memoryBytes })),
      [
        { attempt: undefined, timeMs: undefined, memoryBytes: undefined },
        { attempt: 2, timeMs: 0n, memoryBytes: 0n },
      ],
    );
  }
  assertPolite(worker);
});

test("limits are sent with every job", async (simulation) => {
  const worker = await simulation.worker();
  const policy = { ...DEFAULT_POLICY, timeMs: 5_000, memoryBytes: 2 ** 33 };
  const recorded = simulation.cluster({ policy });
  const inputs = numberedInputs(5);
  recorded.dial(worker);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  for (const { attempt, timeMs, memoryBytes } of worker.received.jobs) {
    assert.deepEqual([attempt, timeMs, memoryBytes], [1, 5_000n, 2n ** 33n]);
  }
  assertPolite(worker);
});

test("errors have a kind, and one of an unknown kind is of kind other", async (simulation) => {
  const kinds: [number, string][] = [
    [KINDS.other, "other"],
    [KINDS.protocol, "protocol"],
    [KINDS.crash, "crash"],
    [KINDS.timeout, "timeout"],
    [KINDS.memory, "memory"],
    [KINDS.killed, "killed"],
    [99, "other"],
  ];
  const worker = await simulation.worker();
  worker.script.answerJob = ({ job }) => ({ kind: kinds[Number(job)]?.[0] ?? 0, text: "so" });
  const policy = { ...DEFAULT_POLICY, crashLimit: 1 };
  const recorded = simulation.cluster({ policy });
  recorded.dial(worker);
  recorded.addAll(numberedInputs(kinds.length));
  await recorded.completed(kinds.length);
  const ends = kinds.map(([, name]) => `${name}: so${name === "killed" ? ", in 3 attempts" : ""}`);
  assert.deepEqual(recorded.ends, ends);
  assertPolite(worker);
});

test("a worker that answers a job with a core error is rejected", async (simulation) => {
  const bad = await simulation.worker();
  const good = await simulation.worker();
  bad.script.answerJob = () => ({ kind: KINDS.core, text: "it is gone" });
  const recorded = simulation.cluster();
  const inputs = numberedInputs(20);
  recorded.dial(bad);
  recorded.dial(good);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  await simulation.until(
    "it is reported",
    () => recorded.warnings.some((text) => /it is gone/.test(text)),
  );
  assertPolite(bad, good);
});

test("a worker that cancels a job on its own is rejected", async (simulation) => {
  const bad = await simulation.worker();
  const good = await simulation.worker();
  bad.script.answerJob = () => ({ kind: KINDS.cancelled, text: "canceled" });
  const recorded = simulation.cluster();
  const inputs = numberedInputs(20);
  recorded.dial(bad);
  recorded.dial(good);
  await recorded.connected(2);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.deepEqual(recorded.warnings, [
    `cannot use worker 127.0.0.1:${bad.port}: it canceled a job that it was not told to cancel`,
  ]);
});

for (const cause of ["draining", "cancelled", "crash"] as const) {
  test(`a worker that answers a job that it does not have (${cause}) breaks the protocol`, async (simulation) => {
    const peer = await simulation.peer(answersAnotherJob(KINDS[cause]));
    const recorded = simulation.cluster();
    recorded.dial(peer);
    recorded.addAll(numberedInputs(1));
    const reasons = await recorded.noWorkerLeft();
    assert.match(reasons[0] ?? "", /unexpected response: no outstanding message 1001\b/);
  });
}

test("a worker that agrees on version 2 and does not describe itself is given up", async (simulation) => {
  const peer = await simulation.peer(agreesAndIsSilent);
  const recorded = simulation.cluster();
  recorded.dial(peer);
  recorded.addAll(numberedInputs(1));
  const reasons = await recorded.noWorkerLeft();
  assert.equal(reasons.length, 1);
  assert.match(reasons[0] ?? "", /it did not describe itself within 10s/);
});

test("a worker that agrees late and does not describe itself is given up, however long that takes", async (simulation) => {
  const peer = await simulation.peer((session) => {
    const reader = new FrameReader();
    session.socket.on("data", (bytes: Uint8Array) => {
      for (const { type, id } of reader.push(bytes)) {
        if (type === VERSION) session.later(5_000, () => session.ok(id, Uint8Array.of(1)));
      }
    });
  });
  const recorded = simulation.cluster();
  recorded.dial(peer);
  recorded.addAll(numberedInputs(1));
  const reasons = await recorded.noWorkerLeft();
  assert.match(reasons[0] ?? "", /it did not describe itself within 10s/);
});

test("a worker that answers the describe message with an error is offered version 1 next, and no other", async (simulation) => {
  const script: Script = (session) => {
    const reader = new FrameReader();
    session.socket.on("data", (bytes: Uint8Array) => {
      for (const { type, id } of reader.push(bytes)) {
        if (type === VERSION) session.ok(id, Uint8Array.of(1));
        else session.error(id, "what?");
      }
    });
  };
  const peer = await simulation.peer(script);
  const recorded = simulation.cluster();
  recorded.dial(peer);
  recorded.addAll(numberedInputs(1));
  const reasons = await recorded.noWorkerLeft();
  assert.deepEqual(reasons, [`127.0.0.1:${peer.port}: what?`], "its answer to the core");
  assert.equal(peer.connections, 2);
});

/** Is polite up to the first job, and then answers another one. */
function answersAnotherJob(kind: number): Script {
  return (session) => {
    const reader = new FrameReader();
    session.socket.on("data", (bytes: Uint8Array) => {
      for (const { type, id } of reader.push(bytes)) {
        if (type === VERSION || type === CHOOSE) session.ok(id, Uint8Array.of(1));
        else if (type === DESCRIBE) session.ok(id, DESCRIPTION);
        else if (type === JOB) {
          session.respond({ type: KIND_ERROR, id: id + 1_000n, payload: Uint8Array.of(kind) });
        }
      }
    });
  };
}

/** Answers the version exchange and pings, and nothing else. */
const agreesAndIsSilent: Script = (session) => {
  const reader = new FrameReader();
  session.socket.on("data", (bytes: Uint8Array) => {
    for (const { type, id } of reader.push(bytes)) {
      if (type === VERSION) session.respond({ type: OK, id, payload: Uint8Array.of(1) });
    }
  });
};
