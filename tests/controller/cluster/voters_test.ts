/** Whose votes count with `--verify`: the machine's, if a key proves which one it is. */

import assert from "node:assert/strict";
import type { PeerProof } from "../../../runtime/ports.ts";
import type { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import {
  countsOf,
  numberedInputs,
  type RecordedCluster,
  type Simulation,
  test,
  textOf,
} from "../simulation.ts";

const VERIFIED = { verifiedPart: 1 };

function keyOf(machine: string): PeerProof {
  return { kind: "key", machine, name: `the host of ${machine}` };
}

/** Connects a worker of which this is proven. */
async function join(
  simulation: Simulation,
  { cluster }: RecordedCluster,
  worker: ScriptedWorker2,
  proof: PeerProof,
): Promise<void> {
  cluster.join(await simulation.streamTo(worker.port, proof), `127.0.0.1:${worker.port}`);
}

test("a process that connects twice from one machine has one vote, so that its wrong outputs do not count", async (simulation) => {
  const output = new TextEncoder().encode("wrong");
  const answerJob = () => ({ exitCode: 0, output });
  const liars = await simulation.workers({ answerJob }, { answerJob });
  const honest = await simulation.workers({ delayMs: 2 }, { delayMs: 2 });
  const recorded = simulation.cluster(VERIFIED);
  for (const liar of liars) await join(simulation, recorded, liar, keyOf("bad"));
  await recorded.connected(2);
  await join(simulation, recorded, honest[0] as ScriptedWorker2, keyOf("good"));
  await join(simulation, recorded, honest[1] as ScriptedWorker2, keyOf("fine"));
  await recorded.connected(4);
  const inputs = numberedInputs(40);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
});

test("no job is verified on two workers of one machine", async (simulation) => {
  const workers = await simulation.workers({}, {}, {});
  const recorded = simulation.cluster(VERIFIED);
  for (const [index, worker] of workers.entries()) {
    await join(simulation, recorded, worker, keyOf(index < 2 ? "one" : "other"));
  }
  await recorded.connected(3);
  const inputs = numberedInputs(30);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  for (const input of inputs) {
    const [a = 0, b = 0, c = 0] = workers.map((worker) => countsOf(worker).get(textOf({ input })));
    assert.deepEqual([a + b, c], [1, 1]);
  }
});

test("a verified run whose workers are all on one machine ends with an error that says so", async (simulation) => {
  const workers = await simulation.workers({}, {});
  const recorded = simulation.cluster(VERIFIED);
  for (const worker of workers) await join(simulation, recorded, worker, keyOf("one"));
  recorded.addAll(numberedInputs(3));
  const [reason = ""] = await recorded.noWorkerLeft();
  assert.match(
    reason,
    /^scripted, scripted#2 are on one machine, which has one vote; --verify needs workers on two/,
  );
});

test("a verified run that listens says what it waits for, once", async (simulation) => {
  const workers = await simulation.workers({}, {});
  const recorded = simulation.cluster(VERIFIED);
  recorded.listen();
  const [first, second] = workers as [ScriptedWorker2, ScriptedWorker2];
  await join(simulation, recorded, first, keyOf("one"));
  await join(simulation, recorded, second, keyOf("one"));
  const inputs = numberedInputs(3);
  recorded.addAll(inputs);
  await simulation.advance(60_000);
  assert.deepEqual(recorded.warnings, [
    "--verify waits for a worker on another machine: all 2 are on the host of one, which has one vote",
  ]);
  const { awaitedVoter } = recorded.cluster.status;
  assert.equal(awaitedVoter, "a worker on another machine, for --verify");
  const third = await simulation.worker();
  await join(simulation, recorded, third, keyOf("other"));
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  const isAwaited = () => recorded.cluster.status.awaitedVoter !== undefined;
  await simulation.until("it waits no longer", () => !isAwaited());
});

test("without keys a verified run says what it cannot promise, once, unless all workers are of this user", async (simulation) => {
  for (const [kind, count] of [["none", 1], ["same user", 0]] as const) {
    const workers = await simulation.workers({}, {});
    const recorded = simulation.cluster(VERIFIED);
    for (const worker of workers) await join(simulation, recorded, worker, { kind });
    await recorded.connected(2);
    recorded.addAll(numberedInputs(5));
    await recorded.completed(5);
    assert.equal(recorded.warnings.length, count);
    if (count > 0) assert.match(recorded.warnings[0] ?? "", /^without keys, --verify cannot tell/);
  }
});

test("a verified run that listens says once that it waits for another worker to break a tie", async (simulation) => {
  const workers = await simulation.workers({}, {});
  const recorded = simulation.cluster(VERIFIED);
  recorded.listen();
  const [honest, liar] = workers as [ScriptedWorker2, ScriptedWorker2];
  const output = new TextEncoder().encode("wrong");
  liar.script.answerJob = (job) => textOf(job) === "input 0" ? { exitCode: 0, output } : "echo";
  await join(simulation, recorded, honest, keyOf("one"));
  await join(simulation, recorded, liar, keyOf("other"));
  const inputs = numberedInputs(3);
  recorded.addAll(inputs);
  await simulation.advance(60_000);
  assert.deepEqual(recorded.warnings, [
    "--verify waits for another worker: two give different outputs for a job, and all that are " +
    "connected have voted",
  ]);
  const third = await simulation.worker();
  await join(simulation, recorded, third, keyOf("third"));
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
});
