/** Workers that give wrong outputs in a run that verifies some of its jobs: which other outputs of theirs were accepted. */

import assert from "node:assert/strict";
import type { JobAnswer } from "../../fixtures/peers/scripted_worker_2.ts";
import { numberedInputs, type RecordedCluster, type Simulation, test } from "../simulation.ts";

const WRONG: JobAnswer = { exitCode: 0, output: new TextEncoder().encode("a wrong output") };

/** Two good workers and one that connects by itself and gives wrong outputs, which verify half of the jobs. */
async function withFaulty(simulation: Simulation, verifiedPart: number) {
  const recorded = simulation.cluster({ verifiedPart });
  const port = recorded.listen();
  const faulty = await simulation.dialingWorker(port, { machine: "node7" });
  faulty.script.answerJob = () => WRONG;
  await recorded.connected(1);
  const dialGood = async () => {
    for (const worker of await simulation.workers({ delayMs: 5 }, { delayMs: 5 })) {
      recorded.dial(worker);
    }
  };
  return { recorded, faulty, port, dialGood };
}

/** How many outputs were accepted that only a worker has seen that gives wrong ones. */
function acceptedWrong({ completions }: RecordedCluster): number {
  return completions.filter(({ answer, isVerified }) =>
    answer.kind === "result" && answer.result.output.byteLength === 14 && !isVerified
  ).length;
}

test("unverified outputs of a worker that gives wrong ones are counted over all its connections", async (simulation) => {
  const { recorded, faulty, port, dialGood } = await withFaulty(simulation, 0.5);
  const inputs = numberedInputs(80);
  recorded.add(inputs.slice(0, 20));
  await simulation.until("it has given all outputs", () => recorded.completions.length === 10);
  faulty.cut();
  await recorded.connected(0);
  await faulty.dial(port);
  await recorded.connected(1);
  recorded.add(inputs.slice(20, 40));
  await simulation.until("it has given all outputs", () => recorded.completions.length === 20);
  await dialGood();
  recorded.addAll(inputs.slice(40));
  await recorded.completed(inputs.length);
  const [wrong, ...others] = recorded.cluster.status.verified?.wrongWorkers ?? [];
  assert(wrong);
  assert.deepEqual(others, []);
  assert.deepEqual(wrong.nodes, ["node7"]);
  assert.equal(wrong.unverified, acceptedWrong(recorded));
  assert(wrong.unverified >= 20);
  assert(wrong.outvoted >= 2);
  const advice = recorded.warnings.find((text) => text.startsWith("cannot use worker node7"));
  assert.match(advice ?? "", /again; \d\d outputs of it were accepted unverified, as the summary/);
});

test("a worker that is lost before it is outvoted is still named, with its unverified outputs", async (simulation) => {
  const { recorded, faulty, dialGood } = await withFaulty(simulation, 0.5);
  const inputs = numberedInputs(40);
  recorded.add(inputs.slice(0, 20));
  await simulation.until("it has given all outputs", () => recorded.completions.length === 10);
  faulty.cut();
  await recorded.connected(0);
  await dialGood();
  recorded.addAll(inputs.slice(20));
  await recorded.completed(inputs.length);
  const { wrongWorkers } = recorded.cluster.status.verified ?? assert.fail();
  assert.deepEqual(wrongWorkers.map(({ nodes, unverified }) => [nodes, unverified]), [
    [["node7"], 10],
  ]);
});

test("where all jobs are verified, no output of a worker that is excluded is called unverified", async (simulation) => {
  const { recorded, dialGood } = await withFaulty(simulation, 1);
  await dialGood();
  recorded.addAll(numberedInputs(40));
  await recorded.completed(40);
  const { wrongWorkers } = recorded.cluster.status.verified ?? assert.fail();
  assert.deepEqual(wrongWorkers.map(({ unverified }) => unverified), [0]);
  assert(recorded.warnings.some((text) => / two other workers, again$/.test(text)));
  assert.doesNotMatch(recorded.warnings.join("\n"), /unverified/);
});

test("the job of an outvoted output is called by its name, if it has one", async (simulation) => {
  const { recorded, dialGood } = await withFaulty(simulation, 1);
  await dialGood();
  const [input] = numberedInputs(1);
  assert(input);
  recorded.addTask({ index: 0, name: "a/b", input });
  await recorded.completed(1);
  const reason = 'its output for job "a/b" differs from that of two other workers';
  assert.deepEqual(recorded.warnings, [`worker node7: ${reason}`]);
});
