/** Workers that report errors which are not true: the jobs are tried elsewhere, and pass. */

import assert from "node:assert/strict";
import { LOSSES_MAX } from "../../../controller/cluster/jobs.ts";
import { DEFAULT_POLICY } from "../../../controller/cluster/job_policy.ts";
import { header, KINDS, OK } from "../../fixtures/peers/frames.ts";
import { answering } from "../../fixtures/peers/scripted_worker.ts";
import { type JobAnswer, type ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { numberedInputs, type RecordedCluster, type Simulation, test } from "../simulation.ts";

/** A limit that honest jobs do not exceed. */
const LIMITED = { ...DEFAULT_POLICY, timeMs: 5_000 };

/** The liar has passed so many jobs before that its failures count as the jobs'. */
const HONEST_JOBS = 60;

/** A liar that is trusted, and two honest workers. */
async function afterTrust(
  simulation: Simulation,
  answer: () => JobAnswer,
  policy = LIMITED,
): Promise<[RecordedCluster, ScriptedWorker2, number]> {
  let answered = 0;
  const liar = await simulation.worker({
    slots: 4,
    answerJob: () => ++answered > HONEST_JOBS && answered % 10 === 0 ? answer() : "echo",
  });
  const honest = await simulation.workers({ slots: 2, delayMs: 3 }, { slots: 2, delayMs: 3 });
  const recorded = simulation.cluster({ policy });
  for (const worker of [liar, ...honest]) recorded.dial(worker);
  await recorded.connected(3);
  return [recorded, liar, answered];
}

/** What a liar may say of a job, each in the form of the protocol. */
const LIES: Record<string, () => JobAnswer> = {
  "an error of no kind": () => ({ kind: KINDS.other, text: "no" }),
  "a broken message": () => ({ kind: KINDS.protocol, text: "I cannot read it" }),
  "a crash": () => ({ kind: KINDS.crash, text: "crashed: SIGSEGV" }),
  "kills": () => ({ kind: KINDS.killed, text: "it was killed" }),
  "a timeout before its time": () => ({ kind: KINDS.timeout, text: "it took too long" }),
  "too much memory where there is no limit": () => ({ kind: KINDS.memory, text: "too much" }),
  "an error of an unknown kind": () => ({ kind: 200, text: "…" }),
  "an error without a text": () => ({ kind: KINDS.other, text: "" }),
  "an error with a text of 100 KiB": () => ({ kind: 0, text: "\u0007".repeat(100 * 1024) }),
  "a core that it does not have": () => ({ kind: KINDS.core, text: "which core?" }),
  "a cancel that nobody has asked for": () => ({ kind: KINDS.cancelled, text: "cancelled" }),
  "that it is leaving, again and again": () => ({ kind: KINDS.draining, text: "I leave" }),
};

for (const [lie, answer] of Object.entries(LIES)) {
  test(`no good job fails because a trusted worker reports ${lie}`, async (simulation) => {
    const [recorded, liar] = await afterTrust(simulation, answer);
    const inputs = numberedInputs(400);
    recorded.addAll(inputs);
    await recorded.completed(inputs.length);
    recorded.assertEchoed(inputs);
    assert(liar.received.jobs.length > HONEST_JOBS, "it has lied");
  });
}

test("an answer that never ends is given up while memory is short, and its worker keeps its other jobs", async (simulation) => {
  const piece = new Uint8Array(1024 * 1024);
  const script = answering({
    job(session, { id }) {
      session.send(header(OK, id, 2n ** 30n));
      for (let count = 0; count < 130; count++) session.send(piece);
    },
  });
  const liars = [await simulation.peer(script), await simulation.peer(script)];
  const honest = await simulation.worker({ delayMs: 5 });
  const recorded = simulation.cluster({ speculates: false });
  for (const liar of liars) recorded.dial(liar);
  await recorded.connected(2);
  const inputs = numberedInputs(20);
  recorded.add(inputs.slice(0, 2));
  await simulation.until("both have a job", () => liars.every(({ jobs }) => jobs > 0));
  await simulation.advance(1_000);
  recorded.dial(honest);
  recorded.add(inputs.slice(2));
  recorded.cluster.end();
  await simulation.until("one answer is given up", () => recorded.infos.some(isGivenUp));
  assert(simulation.network.clock.now() < 20_000);
  assert.equal(recorded.cluster.status.workers, 3, "all are connected");
});

function isGivenUp(text: string): boolean {
  return /an answer came too slowly, and its job runs again/.test(text);
}

test("no job fails because a worker takes it and disconnects, again and again, before another worker has a free slot", async (simulation) => {
  const recorded = simulation.cluster({ speculates: false });
  const port = recorded.listen();
  const honest = await simulation.worker({ delayMs: 200_000 });
  recorded.dial(honest);
  await recorded.connected(1);
  const inputs = numberedInputs(4);
  recorded.add(inputs.slice(0, 1));
  const liar = await simulation.dialingWorker(port, { slots: 1 });
  await recorded.connected(2);
  recorded.add(inputs.slice(1, 2));
  await recorded.completed(1);
  let cuts = 0;
  liar.script.answerJob = () => {
    cuts += 1;
    liar.cut();
    return "silence";
  };
  recorded.add(inputs.slice(2));
  for (let count = 1; recorded.completions.length < 2; count++) {
    const isDone = () => recorded.completions.length > 1;
    await simulation.until("it is cut off", () => isDone() || cuts === count);
    await liar.dial(port);
  }
  recorded.cluster.end();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(cuts > LOSSES_MAX, `${cuts} times`);
});
