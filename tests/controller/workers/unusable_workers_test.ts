/** Workers that cannot be used: they are dialed again while others do the work, and nobody waits for them. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { DEFAULT_POLICY } from "../../../controller/cluster/job_policy.ts";
import { coreImage } from "../../../controller/workers/core_image.ts";
import { detectRuntime } from "../../../runtime/detect.ts";
import { noDisk, UNSHARE } from "../../cli/small_disk.ts";
import { Workspace } from "../../cli/workspace.ts";
import { KINDS, view } from "../../fixtures/peers/frames.ts";
import { answering, coreError, type Script } from "../../fixtures/peers/scripted_worker.ts";
import type { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { core } from "../../lib/cores.ts";
import { eventually, startWorker } from "../../lib/processes.ts";
import { programTestUnless } from "../../lib/test.ts";
import { assertPolite, numberedInputs, RecordedCluster, test } from "../simulation.ts";

/** A worker that is unusable is dialed again this often. */
const RETRY_MS = 30_000;

const BUSY = { kind: KINDS.core, text: "the GPU is busy" };

type Pair = [ScriptedWorker2, ScriptedWorker2];

test("a worker that cannot load the core is dialed again, reported once, and used when it can", async (simulation) => {
  const [worker, other] = await simulation.workers({ answerCore: () => BUSY }, {}) as Pair;
  const recorded = simulation.cluster();
  const inputs = numberedInputs(8);
  recorded.dial(other);
  recorded.dial(worker);
  recorded.add(inputs.slice(0, 4));
  await simulation.advance(3.5 * RETRY_MS);
  assert.equal(worker.connections, 4);
  assert.deepEqual(recorded.warnings, [
    `cannot use worker 127.0.0.1:${worker.port}: the GPU is busy`,
  ]);
  worker.script.answerCore = () => undefined;
  other.hold();
  await recorded.connected(2);
  recorded.addAll(inputs.slice(4));
  await simulation.until("it has jobs", () => worker.received.jobs.length > 0);
  other.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(recorded.warnings.length, 1);
  assertPolite(worker, other);
});

test("a worker that is dialed again has to load the core, also when there is no job for it", async (simulation) => {
  const [worker, other] = await simulation.workers({ answerCore: () => BUSY }, {}) as Pair;
  const recorded = simulation.cluster();
  recorded.dial(other);
  recorded.dial(worker);
  recorded.add(numberedInputs(2));
  await recorded.completed(2);
  await simulation.until("the core is tried again", () => worker.received.cores.length >= 4);
  assert.equal(recorded.cluster.status.inFlight, 0);
});

test("a worker that is unusable for several alternating reasons is reported once for each", async (simulation) => {
  const reasons = ["no library", "no memory", "no GPU"];
  const [worker, other] = await simulation.workers({}, {}) as Pair;
  worker.script.answerCore = () => ({
    ...BUSY,
    text: reasons[worker.received.cores.length % 3] ?? "",
  });
  const recorded = simulation.cluster();
  recorded.dial(other);
  recorded.dial(worker);
  recorded.add(numberedInputs(2));
  await simulation.until("it is tried again and again", () => worker.connections > 8);
  assert.deepEqual(
    recorded.warnings.map((text) => text.replace(/^.*: /, "")).sort(),
    reasons.sort(),
  );
});

test("a worker that takes long to fail is reported once, however often it is tried", async (simulation) => {
  const slow = await simulation.peer(answering({
    core: (session, { id }) => session.later(15_000, () => session.error(id, "the GPU is busy")),
  }));
  const other = await simulation.worker();
  const recorded = simulation.cluster();
  recorded.dial(other);
  await recorded.connected(1);
  other.hold();
  recorded.dial(slow);
  recorded.add(numberedInputs(2));
  await simulation.until("it is tried again", () => slow.connections === 4);
  assert.deepEqual(recorded.warnings, [
    `cannot use worker 127.0.0.1:${slow.port}: the GPU is busy`,
  ]);
});

test("a reason is reported again if the worker was useful in between", async (simulation) => {
  const [worker, other] = await simulation.workers({ answerCore: () => BUSY }, {}) as Pair;
  const recorded = simulation.cluster();
  other.hold();
  recorded.dial(other);
  recorded.dial(worker);
  recorded.add(numberedInputs(6));
  await simulation.until("it is rejected", () => recorded.warnings.length === 1);
  worker.script.answerCore = () => undefined;
  await recorded.completed(2);
  worker.script.answerCore = () => BUSY;
  worker.script.answerJob = () => BUSY;
  recorded.add(numberedInputs(6));
  await simulation.until("it is rejected again", () => recorded.warnings.length === 3);
  assert.equal(recorded.warnings[2], recorded.warnings[0]);
  other.release();
});

test("the warning that a worker cannot enforce limits appears once, however often it connects", async (simulation) => {
  const old = await simulation.peer(coreError("no such library"));
  const good = await simulation.worker();
  const recorded = simulation.cluster({ policy: { ...DEFAULT_POLICY, timeMs: 60_000 } });
  recorded.dial(good);
  recorded.dial(old);
  recorded.add(numberedInputs(2));
  await simulation.until("it is tried again and again", () => old.connections >= 4);
  const problems = recorded.warnings.map((text) => text.replace(/^.*:\d+:? /, ""));
  assert.deepEqual(problems, [
    "speaks only protocol version 1 and cannot enforce time and memory limits",
    "no such library",
  ]);
});

test("a run does not wait for an unusable worker that is being tried again", async (simulation) => {
  let cores = 0;
  const script: Script = answering({
    core: (session, { id }) => {
      if (++cores === 1) session.error(id, "the GPU is busy"); // and says nothing the next time
    },
  });
  const tried = await simulation.peer(script);
  const good = await simulation.worker();
  const recorded = simulation.cluster();
  good.hold();
  recorded.dial(good);
  recorded.dial(tried);
  recorded.addAll(numberedInputs(4));
  await simulation.until("it is tried again", () => cores === 2);
  await good.close();
  const reasons = await recorded.noWorkerLeft();
  assert.equal(reasons.length, 2);
  assert.equal(reasons[1], `127.0.0.1:${tried.port}: the GPU is busy`);
});

test("no job fails for a worker that is rejected again and again", async (simulation) => {
  const [faulty, other] = await simulation.workers({}, {}) as Pair;
  const recorded = simulation.cluster();
  const inputs = numberedInputs(12);
  recorded.dial(faulty);
  await recorded.connected(1);
  recorded.add(inputs.slice(0, 2));
  await recorded.completed(2);
  faulty.script.answerJob = () => ({ kind: KINDS.core, text: "no core is loaded" });
  other.hold();
  recorded.dial(other);
  await recorded.connected(2);
  recorded.addAll(inputs.slice(2));
  await simulation.until("it is rejected again and again", () => faulty.connections > 15);
  other.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
});

const GONE = { kind: KINDS.core, text: "its files on this worker are no longer what was sent" };

test("the only worker gets its core again when it can no longer run it, and the run continues", async (simulation) => {
  for (const answers of [0, 3]) {
    const worker = await simulation.worker({ slots: 1 });
    const recorded = simulation.cluster();
    const inputs = numberedInputs(8);
    recorded.dial(worker);
    let left = 0;
    let loads = 0;
    worker.script.answerJob = () => left-- > 0 ? undefined : GONE;
    worker.script.answerCore = () => void (left = ++loads === 1 ? answers : inputs.length);
    recorded.addAll(inputs);
    await recorded.completed(inputs.length);
    recorded.assertEchoed(inputs);
    assert.equal(loads, 2);
    assert.match(
      recorded.warnings.join(),
      /^lost worker .*: it can no longer run the core: its files/,
    );
  }
});

test("a worker that loads the core and can then run no job cannot be used", async (simulation) => {
  const worker = await simulation.worker({ answerJob: () => GONE });
  const recorded = simulation.cluster();
  recorded.dial(worker);
  recorded.addAll(numberedInputs(8));
  assert.deepEqual(await recorded.noWorkerLeft(), [`127.0.0.1:${worker.port}: ${GONE.text}`]);
  assert.equal(worker.connections, 2);
});

test("a worker that was given up is dialed at once when it is added again", async (simulation) => {
  const [worker, other] = await simulation.workers({ answerCore: () => BUSY }, {}) as Pair;
  const recorded = simulation.cluster();
  recorded.dial(other);
  recorded.dial(worker);
  recorded.addAll(numberedInputs(2));
  await recorded.completed(2);
  await simulation.until("it is given up", () => recorded.warnings.length === 1);
  const { connections } = worker;
  worker.script.answerCore = () => undefined;
  recorded.dial(worker);
  await simulation.advance(0);
  assert.equal(worker.connections, connections + 1);
  assert.equal(recorded.cluster.status.workers, 2);
});

test("a run whose last usable worker is removed ends when that worker has finished", async (simulation) => {
  const [useless, last] = await simulation.workers({ answerCore: () => BUSY }, {}) as Pair;
  const recorded = simulation.cluster();
  last.hold();
  recorded.dial(last);
  recorded.dial(useless);
  recorded.addAll(numberedInputs(6));
  await simulation.until("it has jobs", () => last.slots.waiting === 1);
  await simulation.until("the other one is rejected", () => recorded.warnings.length === 1);
  recorded.leave(last);
  recorded.dial(useless); // as is done with all that the list still names
  await simulation.until(
    "it is tried again",
    () => useless.openConnections === 0 && useless.connections === 2,
  );
  assert.equal(recorded.noWorkerReasons, undefined, "the last one still has jobs");
  last.release();
  assert.deepEqual(await recorded.noWorkerLeft(), [
    `127.0.0.1:${useless.port}: the GPU is busy`,
  ]);
  assert.equal(recorded.completions.length, 2, "what it had is answered");
});

test("a run whose worker list becomes empty ends with that reason", async (simulation) => {
  const only = await simulation.worker();
  const recorded = simulation.cluster();
  recorded.dial(only);
  await recorded.connected(1);
  recorded.add(numberedInputs(1));
  await recorded.completed(1);
  recorded.leave(only);
  assert.deepEqual(await recorded.noWorkerLeft(), ["the worker list is empty"]);
  const other = simulation.cluster();
  other.dial({ port: 1 });
  await simulation.until("it waits for the next attempt", () => other.warnings.length > 0);
  other.leave({ port: 1 });
  assert.deepEqual(await other.noWorkerLeft(), ["the worker list is empty"]);
});

test("a run whose local worker cannot load the core ends with the reason", async (simulation) => {
  const { port } = await simulation.worker({ answerCore: () => BUSY });
  const { runtime } = simulation.network;
  const recorded = simulation.cluster();
  const stream = await runtime.dial({ kind: "tcp", host: "127.0.0.1", port }, 0);
  recorded.cluster.join(stream, "this machine", () => {});
  recorded.addAll(numberedInputs(1));
  assert.deepEqual(await recorded.noWorkerLeft(), ["this machine: the GPU is busy"]);
});

test("the starter of a worker is told whether it cannot be used or was lost", async (simulation) => {
  const [refusing, lost] = await simulation.workers({ answerCore: () => BUSY }, {}) as Pair;
  const recorded = simulation.cluster();
  const ends: boolean[] = [];
  const onEnded = (isUnusable: boolean) => void ends.push(isUnusable);
  lost.hold();
  recorded.add(numberedInputs(6));
  for (const { port } of [lost, refusing]) {
    const stream = await simulation.network.dial({ kind: "tcp", host: "127.0.0.1", port });
    recorded.cluster.join(stream, "this machine", onEnded);
  }
  await simulation.until("one has refused the core", () => ends.length === 1);
  recorded.dial(await simulation.worker()); // otherwise the run would end
  await recorded.connected(2);
  await lost.close();
  await simulation.until("the other one is lost", () => ends.length === 2);
  assert.deepEqual(ends, [true, false]);
});

test("a session whose only worker refuses its core again and again warns of it once", async (simulation) => {
  const text = 'Cannot load compute core "any.so": worker_init returned 5';
  const { port } = await simulation.worker({ answerCore: () => ({ ...BUSY, text }) });
  const waitPolicy = { giveUpMs: 10_000, whenNone: "go on" } as const;
  const recorded = simulation.cluster({ waitPolicy });
  recorded.add(numberedInputs(1));
  for (let time = 0; time < 5; time++) {
    recorded.noWorkerReasons = undefined;
    const stream = await simulation.network.dial({ kind: "tcp", host: "127.0.0.1", port });
    recorded.cluster.join(stream, "this machine", () => {});
    await recorded.noWorkerLeft();
    await simulation.advance(500);
  }
  await simulation.advance(1_000);
  assert.deepEqual(recorded.warnings, [`cannot use worker this machine: ${text}`]);
});

test("a run waits for a worker that is introducing itself when the others are given up", async (simulation) => {
  const { port } = await simulation.peer(answering({
    version: (session, { id, payload }) => {
      const isAccepted = view(payload).getUint32(0, true) === 1;
      session.later(8_000, () => session.ok(id, Uint8Array.of(isAccepted ? 1 : 0)));
    },
  }));
  const { clock, runtime } = simulation.network;
  const recorded = simulation.cluster();
  recorded.dial({ port: 1 });
  recorded.addAll(numberedInputs(1));
  const join = async () => {
    const stream = await runtime.dial({ kind: "tcp", host: "127.0.0.1", port }, 0);
    recorded.cluster.join(stream);
  };
  await join(); // refuses version 2
  await simulation.until("it is connected no more", () => clock.now() >= 8_000);
  await join();
  await recorded.completed(1);
  assert(clock.now() >= 16_000, "the other worker was given up before");
});

test("an address that is removed while it is dialed is not connected", async (simulation) => {
  const worker = await simulation.worker();
  const recorded = simulation.cluster();
  recorded.dial(worker);
  recorded.leave(worker);
  await simulation.advance(1_000);
  assert.equal(worker.openConnections, 0);
  assert.equal(recorded.cluster.status.workers, 0);
});

test("a worker list that is replaced by another one is not empty in between", async (simulation) => {
  const [before, after] = await simulation.workers({}, {}) as Pair;
  const recorded = simulation.cluster();
  recorded.dial(before);
  recorded.leave(before);
  recorded.dial(after);
  recorded.addAll(numberedInputs(1));
  await recorded.completed(1);
});

programTestUnless(
  noDisk,
  "a worker that had no room for the core is used as soon as it has",
  async () => {
    await using workspace = await Workspace.make();
    // A loader does not look behind a library's last section.
    const large = new Uint8Array(1_000_000);
    large.set(await readFile(await core("echo")));
    const disk = [
      'mount -t tmpfs -o size=2400k tmpfs "$TMPDIR" || exit 99',
      'head -c 1800000 /dev/zero > "$TMPDIR/full"',
      // It holds no pipe of the worker: the test would wait for it if it fails before this ends.
      '(while [ ! -e "$0" ]; do sleep 0.1; done; rm "$TMPDIR/full"; : > "$0.done") >&- 2>&- &',
      'exec "$@"',
    ];
    const through = [...UNSHARE, "sh", "-c", disk.join("\n"), workspace.at("go")];
    await using full = await startWorker({ slots: 1, through });
    await using other = await startWorker({ slots: 1 });
    const image = coreImage("large.so", large);
    const recorded = new RecordedCluster(await detectRuntime(), eventually, {}, image);
    using _cluster = recorded.cluster;
    recorded.dial(other);
    recorded.dial(full);
    recorded.add(numberedInputs(2));
    await eventually("it is rejected", () => recorded.warnings.length > 0);
    assert.match(recorded.warnings[0] ?? "", /this worker has no room for 977 KiB/);
    await workspace.write("go", "");
    await eventually("there is room", () => existsSync(workspace.at("go.done")));
    recorded.dial(full); // naming it again is quicker than to wait for the next attempt
    await recorded.connected(2);
    await other.stop();
    await recorded.connected(1);
    recorded.add(numberedInputs(2));
    await recorded.completed(4);
    assert.equal(recorded.completions.at(-1)?.worker, `127.0.0.1:${full.port}`);
  },
);
