/** What is remembered of failing jobs: which answer counts, what nodes are told, and that nothing is left. */

import assert from "node:assert/strict";
import type { Answer } from "../../../controller/answer.ts";
import { Blame } from "../../../controller/cluster/blame.ts";
import type { Node } from "../../../controller/cluster/node.ts";
import { Nodes } from "../../../controller/cluster/nodes.ts";
import { DEFAULT_POLICY } from "../../../controller/cluster/job_policy.ts";
import type { Completion, Task } from "../../../controller/cluster/cluster_types.ts";
import { WorkerMeter } from "../../../controller/cluster/worker_meter.ts";
import { Pool } from "../../../pool/pool.ts";
import type { CoreKey, EndpointId, Job } from "../../../pool/types.ts";
import { silentLog } from "../../../system/log.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { WallTime } from "../../../system/wall_time.ts";
import { test } from "../../lib/test.ts";

const CORE = "core" as CoreKey;

/** Failing jobs in a pool, whose jobs the test runs. */
class Scene {
  readonly #dispatches = new Map<Task, [EndpointId, number]>();
  readonly pool = new Pool<Task>({
    load: () => {},
    send: (endpoint, dispatch, { payload }) => {
      this.#dispatches.set(payload, [endpoint, dispatch]);
    },
    crashed: () => {},
    dropped: () => {},
    coreUnavailable: () => {},
  }, { onLost: "retry", isLocal: false, endpointBytesMax: 1_000 });
  readonly nodes = new Nodes({
    limit: (endpoint, jobsMax) => this.pool.onLimited(endpoint, jobsMax),
    inFlightAt: (endpoint) => this.pool.inFlightAt(endpoint),
    hasIdleSlot: (endpoint) => this.pool.hasIdleSlot(endpoint),
  }, silentLog);
  readonly blame = new Blame<Task>({
    pool: this.pool,
    nodes: this.nodes,
    policy: DEFAULT_POLICY,
    awaitsNodes: () => false,
    isCutOff: () => false,
    votersOf: () => [],
  });
  readonly #client = this.pool.onClientUp();
  #tasks = 0;

  node(name: string, passed = 0): Node {
    const endpoint = this.pool.onEndpointUp(1);
    this.pool.load(endpoint, CORE);
    this.pool.onLoaded(endpoint, 0);
    const node = this.nodes.onReady(
      { name, identity: name, voter: name, hasLimits: true, history: {} },
      endpoint,
      0,
    );
    for (let count = 0; count < passed; count++) this.nodes.onPassed(node, true, 0);
    return node;
  }

  /** A job that is at a node. */
  jobAt(): Job<Task> {
    const task = { index: this.#tasks++, input: new Uint8Array() };
    const job = this.pool.onJob(this.#client, CORE, 0, task, 0);
    assert(job);
    this.pool.schedule(0);
    return job;
  }

  /** The node at which a job is has answered it. */
  answer(job: Job<Task>, answer: Answer): Completion<Task> {
    const [endpoint, dispatch] = this.#dispatches.get(job.payload) ?? [];
    const node = this.nodes.connected.find((other) => other.endpoint === endpoint);
    assert(node && endpoint);
    this.pool.onAnswer(endpoint, dispatch as Parameters<typeof this.pool.onAnswer>[1], 1);
    const meter = new WorkerMeter(new WallTime(systemClock));
    return { job, answer, worker: node.name, meter, answeredAtMs: 1 };
  }

  /** The job fails on its node, and is queued again if it has not ended. */
  fail(job: Job<Task>, node: Node, answer: Answer): Completion<Task> | undefined {
    const completion = this.answer(job, answer);
    assert.equal(completion.worker, node.name);
    this.blame.onFailed(completion, node);
    const step = this.blame.next(job.payload, 1, false);
    if (step.kind === "end") return step.completion;
    this.pool.onRetried(job, 1, step.antiAffinity);
    this.pool.schedule(1);
    return undefined;
  }
}

function exitOf(exitCode: number, bytes = 0): Answer {
  return { kind: "result", result: { exitCode, output: new Uint8Array(bytes) } };
}

function crashOf(message = "crashed: SIGSEGV"): Answer {
  return { kind: "error", cause: "crash", message };
}

test("a job that passes where it failed before says nothing about its node", () => {
  const scene = new Scene();
  const only = scene.node("only");
  const job = scene.jobAt();
  assert.equal(scene.fail(job, only, crashOf()), undefined);
  assert.equal(only.score.undecided, 1);
  scene.answer(job, exitOf(0));
  scene.blame.onPassed(job.payload, only, 1, 1);
  assert.equal(only.score.undecided, 0);
  assert.equal(only.score.hasRefuted, false);
  assert.equal(scene.blame.failing, 0);
});

test("the answer of the better node is the job's, whichever came last", () => {
  const scene = new Scene();
  const good = scene.node("good", 12);
  const job = scene.jobAt();
  const bad = scene.node("bad");
  assert.equal(scene.fail(job, good, exitOf(3)), undefined);
  const end = scene.fail(job, bad, { kind: "error", cause: "other", message: "no space left" });
  assert.equal(end?.worker, "good");
  assert.deepEqual(end?.answer, exitOf(3));
  assert.equal(end?.reason, "exit code 3 on good; no space left on bad");
  assert.equal(end?.job.attempt, 2);
  assert.equal(scene.blame.failing, 0);
  assert.deepEqual([good.score.undecided, bad.score.undecided], [0, 0]);
});

test("answers that wait for another node's count in bytes, until their job passes, fails or is canceled", () => {
  const scene = new Scene();
  Object.assign(scene.nodes.run, { answers: 1_000, busyMs: 1_000_000 }); // time for further tries
  const one = scene.node("one");
  const jobs = [scene.jobAt()];
  const other = scene.node("other");
  jobs.push(scene.jobAt(), scene.jobAt());
  const [passing, failing] = jobs as [Job<Task>, Job<Task>];
  assert.equal(scene.fail(passing, one, exitOf(3, 100)), undefined);
  assert.equal(scene.blame.heldBytes, 100);
  scene.blame.forget(passing.payload);
  assert.equal(scene.blame.heldBytes, 0);
  assert.equal(scene.fail(failing, other, exitOf(3, 20)), undefined);
  assert.equal(scene.blame.heldBytes, 20);
  assert.notEqual(scene.fail(failing, one, exitOf(3, 7)), undefined, "there is no third node");
  assert.equal(scene.blame.heldBytes, 0);
  assert.equal(scene.blame.failing, 0);
});

test("beyond 64 MiB, only the beginning of an output of a failed job waits for another node's", () => {
  const scene = new Scene();
  const one = scene.node("one");
  const jobs = [scene.jobAt()];
  const other = scene.node("other");
  jobs.push(scene.jobAt());
  const [first, second] = jobs as [Job<Task>, Job<Task>];
  const mebibytes = 40 * 1024 * 1024;
  assert.equal(scene.fail(first, one, exitOf(3, mebibytes)), undefined);
  assert.equal(scene.fail(second, other, exitOf(3, mebibytes)), undefined);
  assert.equal(scene.blame.heldBytes, mebibytes + 4 * 1024);
  for (const { payload } of jobs) scene.blame.forget(payload);
  assert.equal(scene.blame.heldBytes, 0);
});

test("faults count each failed attempt once, by its kind", () => {
  const scene = new Scene();
  const only = scene.node("only");
  const job = scene.jobAt();
  scene.fail(job, only, crashOf());
  scene.fail(job, only, crashOf());
  const end = scene.fail(job, only, crashOf());
  assert.deepEqual(end?.answer, crashOf("crashed in 3 attempts: SIGSEGV"));
  assert.equal(end?.reason, undefined, "it is only one node");
  scene.fail(scene.jobAt(), only, exitOf(1));
  assert.deepEqual(scene.blame.faults, {
    exitCodes: 1,
    crashes: 3,
    timeouts: 0,
    memory: 0,
    lost: 0,
  });
});

test("a job whose only other node is gone ends with the answer that it has", () => {
  const scene = new Scene();
  const one = scene.node("one");
  const job = scene.jobAt();
  const other = scene.node("other");
  scene.jobAt(); // keeps the other one busy
  scene.jobAt();
  const completion = scene.answer(job, exitOf(3));
  scene.blame.onFailed(completion, one);
  const step = scene.blame.next(job.payload, 1, false);
  assert(step.kind === "run");
  assert.deepEqual(step.antiAffinity, { endpoints: [one.endpoint], isRequired: true });
  scene.pool.onRetried(job, 1, step.antiAffinity);
  assert(other.endpoint !== undefined);
  scene.nodes.onGone(other, other.endpoint);
  const [end] = scene.blame.review(2);
  assert.deepEqual(end?.answer, exitOf(3));
  assert.equal(scene.pool.isWanted(job), false);
  scene.pool.audit();
});
