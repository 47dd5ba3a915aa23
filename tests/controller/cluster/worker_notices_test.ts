/** What a run says of workers that come and go. */

import assert from "node:assert/strict";
import { WorkerNotices } from "../../../controller/cluster/worker_notices.ts";
import type { ConnectedWorker } from "../../../controller/workers/connected_worker.ts";
import { test } from "../../lib/test.ts";

test("a worker that joins, is lost and comes back has a line each time", () => {
  const recorded = new Recorded();
  const { notices } = recorded;
  notices.onReady(workerAt("node1:7433", 8));
  assert.deepEqual(recorded.lines(), ["worker node1:7433 joined: 8 slots"]);
  notices.onGone(workerAt("node1:7433", 8), { kind: "failed", reason: "connection reset" }, 3);
  assert.deepEqual(recorded.lines(), [
    "warning: lost worker node1:7433: connection reset; 3 jobs rescheduled",
  ]);
  notices.onReady(workerAt("node1:7433", 1));
  notices.onReady(workerAt("node2:7433", undefined));
  assert.deepEqual(recorded.lines(), [
    "worker node1:7433 is back: 1 slot",
    "worker node2:7433 joined",
  ]);
  notices.onGone(workerAt("node2:7433", undefined), { kind: "drained", reason: "" }, 0);
  assert.deepEqual(recorded.lines(), [
    "warning: worker node2:7433 has drained and disconnected",
  ]);
});

test("a worker has joined before a line of its first job is shown", () => {
  const recorded = new Recorded();
  recorded.notices.onReady(workerAt("node1:7433", 8));
  recorded.notices.onPrinted();
  assert.deepEqual(recorded.linesNow(), ["worker node1:7433 joined: 8 slots"]);
});

test("of twenty workers that come or go together, three at most have lines of their own", () => {
  const recorded = new Recorded();
  const { notices } = recorded;
  const workers = Array.from({ length: 20 }, (_, index) => workerAt(`node${index}:7433`, 8));
  for (const worker of workers) notices.onReady(worker);
  assert.deepEqual(recorded.lines(), ["20 workers joined: 160 slots"]);
  for (const [index, worker] of workers.entries()) {
    const reason = index < 5 ? "it is silent" : "connection reset";
    notices.onGone(worker, { kind: "failed", reason }, 2);
  }
  assert.deepEqual(recorded.lines(), [
    "warning: lost worker node0:7433: it is silent; 2 jobs rescheduled",
    "warning: lost worker node1:7433: it is silent; 2 jobs rescheduled",
    "warning: lost worker node2:7433: it is silent; 2 jobs rescheduled",
    "warning: lost 17 more workers: connection reset (15), it is silent (2); 34 jobs rescheduled",
  ]);
  for (const worker of workers) notices.onReady(worker);
  assert.deepEqual(recorded.lines(), ["20 workers are back: 160 slots"]);
});

test("one worker that is lost again and again is not called many", () => {
  const recorded = new Recorded();
  const { notices } = recorded;
  const [flapping, other] = [workerAt("node1:7433", 8), workerAt("node2:7433", 8)];
  const flap = (worker: ConnectedWorker, times: number) => {
    for (let time = 0; time < times; time++) {
      notices.onReady(worker);
      notices.onGone(worker, { kind: "failed", reason: "connection reset" }, 1);
    }
  };
  flap(flapping, 12);
  const lost = "warning: lost worker node1:7433: connection reset; 1 job rescheduled";
  const back = "worker node1:7433 is back: 8 slots";
  const often = "9 more times: connection reset (9); 9 jobs rescheduled";
  assert.deepEqual(recorded.lines(), [
    ...["worker node1:7433 joined: 8 slots", lost, back, lost, back, lost, back],
    `warning: lost worker node1:7433 ${often}`,
  ]);
  flap(flapping, 8);
  flap(other, 4);
  assert.equal(
    recorded.lines().findLast((line) => line.includes("lost")),
    `warning: lost 2 workers ${often}`,
  );
});

test("lines of workers that come and go are in the order in which that happened", () => {
  const recorded = new Recorded();
  const { notices } = recorded;
  const workers = Array.from({ length: 6 }, (_, index) => workerAt(`node${index}:7433`, 8));
  for (const worker of workers) notices.onReady(worker);
  for (const worker of workers) notices.onGone(worker, { kind: "failed", reason: "reset" }, 0);
  for (const worker of workers) notices.onReady(worker);
  assert.deepEqual(recorded.lines(), [
    "6 workers joined: 48 slots",
    ...[0, 1, 2].map((node) => `warning: lost worker node${node}:7433: reset`),
    "warning: lost 3 more workers: reset (3)",
    "6 workers are back: 48 slots",
  ]);
});

test("of 200 workers that drain together, three have lines of their own", () => {
  const recorded = new Recorded();
  const { notices } = recorded;
  const workers = Array.from({ length: 200 }, (_, index) => workerAt(`node${index}:7433`, 8));
  for (const worker of workers) notices.onDraining(worker);
  for (const worker of workers) notices.onGone(worker, { kind: "drained", reason: "" }, 0);
  assert.deepEqual(recorded.lines(), [
    ...[0, 1, 2].map((node) => `worker node${node}:7433 is draining`),
    "197 more workers are draining",
    ...[0, 1, 2].map((node) => `warning: worker node${node}:7433 has drained and disconnected`),
    "warning: 197 more workers have drained and disconnected",
  ]);
});

test("workers that take no more jobs say why, and of many together three have lines of their own", () => {
  const recorded = new Recorded();
  for (let node = 0; node < 5; node++) {
    recorded.notices.onDraining(workerAt(`node${node}:7433`, 8), "cannot start slots: no room");
  }
  const refusal = "take no more jobs: cannot start slots: no room";
  assert.deepEqual(recorded.lines(), [
    ...[0, 1, 2].map((node) =>
      `warning: worker node${node}:7433 takes no more jobs: cannot start slots: no room`
    ),
    `warning: 2 more workers ${refusal} (2)`,
  ]);
});

test("the worker that a run has started itself is not announced", () => {
  const recorded = new Recorded();
  recorded.notices.onReady({ ...workerAt("this machine", 8), isLocal: true } as ConnectedWorker);
  assert.deepEqual(recorded.lines(), []);
});

test("a worker at an address without its name is announced with the name of its node", () => {
  const recorded = new Recorded();
  recorded.notices.onReady(workerAt("10.0.0.7:7433", 8, "node7"));
  assert.deepEqual(recorded.lines(), ["worker 10.0.0.7:7433 (node7) joined: 8 slots"]);
});

function workerAt(name: string, slots: number | undefined, node = name): ConnectedWorker {
  return { name, node, place: name, slots, isLocal: false } as ConnectedWorker;
}

/** Notices, and what they have logged. */
class Recorded {
  readonly #lines: string[] = [];
  #nowMs = 0;
  readonly notices = new WorkerNotices({
    info: (text) => this.#lines.push(text),
    warn: (text) => this.#lines.push(`warning: ${text}`),
    printed: () => {},
  });

  linesNow(): string[] {
    return this.#lines.splice(0);
  }

  /** The lines since the last call, once nothing has happened for a while. */
  lines(): string[] {
    for (let tick = 0; tick < 5; tick++) this.notices.onTick(this.#nowMs += 250);
    return this.linesNow();
  }
}
