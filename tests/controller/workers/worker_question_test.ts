/** What a worker answers that is asked for its state, whoever has made it. */

import assert from "node:assert/strict";
import { askWorker } from "../../../controller/workers/worker_question.ts";
import { workerAnswer } from "../../../watch/worker_answer.ts";
import {
  acceptsThenCloses,
  http,
  randomBytes,
  refusesVersion,
  type Script,
  silent,
} from "../../fixtures/peers/scripted_worker.ts";
import { test as plainTest } from "../../lib/test.ts";
import { test } from "../simulation.ts";

const STATE = {
  ...{ name: "n", software: "s", platform: "p", isDraining: false, slots: 2, slotsBusy: 1 },
  ...{ jobsWaiting: 0, jobs: { done: 5, failed: 1 }, controllers: ["10.0.0.1:5"] },
  ...{ cores: [{ name: "c", sha256: "00", slots: 1 }], slotsBytes: null },
  ...{ memoryFreeBytes: 7, memoryBytes: 9, added: "later" },
};

test("a worker that cannot say what it is doing is told from one that is not there", async (simulation) => {
  const cases: [Script, RegExp][] = [
    [refusesVersion, /^it speaks only version 1 of the protocol, which cannot be asked/],
    [acceptsThenCloses, /^it has closed the connection without an answer; it is not a worker, or /],
    [
      http,
      /^it does not speak .*: a web server answers there, such as the page of --web; name the /,
    ],
    [randomBytes(7), /frame|payload|version|protocol|response|type/i],
  ];
  for (const [script, reason] of cases) {
    const { port } = await simulation.peer(script);
    await assert.rejects(
      askWorker(simulation.network.runtime, { kind: "tcp", host: "127.0.0.1", port }),
      ({ message }: Error) => reason.test(message),
    );
  }
});

test("a worker that says nothing is given up after ten seconds", async (simulation) => {
  const { clock, runtime } = simulation.network;
  const { port } = await simulation.peer(silent);
  const asked = askWorker(runtime, { kind: "tcp", host: "127.0.0.1", port });
  let error: Error | undefined;
  asked.catch((reason) => error = reason);
  await clock.until("it is given up", () => error);
  assert.match((error as unknown as Error).message, /^it has not answered within 10s$/);
});

test("a worker of an older version is said to be one", async (simulation) => {
  const { port } = await simulation.worker();
  await assert.rejects(
    askWorker(simulation.network.runtime, { kind: "tcp", host: "127.0.0.1", port }),
    { message: "it is of an older version, which does not say what it is doing" },
  );
});

plainTest(
  "the state of a worker is taken field by field, and only if each is what the protocol says",
  () => {
    const { added: _, ...known } = STATE;
    assert.deepEqual(workerAnswer(JSON.stringify(STATE), 3), {
      v: 1,
      kind: "worker",
      at: 3,
      ...known,
    });
    const wrong = [
      ...["", "null", "[]", '"x"', "{}"],
      ...Object.keys(known).filter((name) => !["isDraining", "slotsBytes"].includes(name))
        .map((name) => JSON.stringify({ ...STATE, [name]: { toString: 1 } })),
      JSON.stringify({ ...STATE, slots: -1 }),
      JSON.stringify({ ...STATE, slots: 1.5 }),
      JSON.stringify({ ...STATE, cores: [null] }),
    ];
    for (const json of wrong) {
      assert.throws(
        () => workerAnswer(json, 0),
        /^Error: its answer is not what the protocol says$/,
      );
    }
  },
);
