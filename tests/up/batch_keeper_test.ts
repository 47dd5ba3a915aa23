/** How many workers a batch system gets for a run, in virtual time. */

import assert from "node:assert/strict";
import { BATCH_SYSTEMS } from "../../up/batch_system.ts";
import { BatchKeeper } from "../../up/batch_keeper.ts";
import { BatchWorkers, type RunCommand } from "../../up/batch_workers.ts";
import { type Demand, FixedDemand, RunDemand } from "../../up/demand.ts";
import { type RunNeed, workersNeeded } from "../../up/run_need.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

const NEED: RunNeed = { jobsLeft: 100, isAtLeast: false, slots: 0, leftMs: null };

test("a run needs a slot for each job that is left, without those of others, and never more than asked for", () => {
  const needed = (need: Partial<RunNeed>, own = {}, countMax = 50) =>
    workersNeeded(
      { ...NEED, ...need },
      { alive: 10, running: 0, slotsEach: 16, ...own },
      countMax,
    );
  assert.equal(needed({}), 7);
  assert.equal(needed({}, {}, 5), 5);
  assert.equal(needed({ slots: 64 }), 3, "64 slots of others");
  assert.equal(needed({ slots: 64 }, { running: 4 }), 7, "its own ones do not count");
  assert.equal(needed({ jobsLeft: 0 }), 0);
  assert.equal(needed({}, { slotsEach: undefined }), 1, "the first says how many slots each has");
  assert.equal(needed({ isAtLeast: true }), 10, "those that wait stay while inputs are counted");
  assert.equal(needed({ leftMs: 30_000, jobsLeft: 1_000 }), 10, "more would come too late");
});

/** A Slurm whose jobs the test moves, and what the keeper of its workers has done. */
class Cluster {
  readonly clock = new VirtualClock();
  readonly said: string[] = [];
  readonly #states = new Map<string, string>();
  readonly #ending = new AbortController();
  #arrays = 0;
  need: RunNeed | undefined;
  /** What its commands say when they fail; empty while they do not. */
  problem = "";
  /** The commands that were run. */
  readonly commands: string[] = [];
  /** How the keeper has ended. */
  end: string | undefined;

  start(demand: Demand): void {
    const workers = new BatchWorkers(BATCH_SYSTEMS.slurm, this.#run, "script", []);
    const keeper = new BatchKeeper(this.clock, workers, demand, {
      onSubmitted: (count) => this.said.push(`submitted ${count}`),
      onCanceled: (count) => this.said.push(`canceled ${count}`),
      onRefused: (reason) => this.said.push(reason),
      onLooked: () => {},
    });
    void keeper.keep(this.#ending.signal).then(() => this.end = "over", (error: Error) => {
      this.end = error.message;
    });
  }

  demand(countMax: number): Demand {
    return new RunDemand(this.clock, countMax, () => Promise.resolve(this.need), (running) => {
      this.said.push(`unreached: ${running}`);
    });
  }

  /** Lets some workers run, or end. */
  move(from: string, to: string, count = Infinity): void {
    const ids = [...this.#states].filter(([, state]) => state === from).map(([id]) => id);
    for (const id of ids.slice(0, count)) this.#states.set(id, to);
  }

  async advance(seconds: number): Promise<void> {
    await this.clock.advance(seconds * 1000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.advance(1);
    assert.equal(this.clock.timers, 0);
  }

  /** What its commands do. */
  readonly #run: RunCommand = ([program, ...args]) => {
    this.commands.push(program ?? "");
    if (this.problem) {
      return Promise.resolve({ end: { exitCode: 1 }, stdout: "", stderr: this.problem });
    }
    const answers: Record<string, () => string> = {
      sbatch: () => this.#submit(args),
      squeue: () => [...this.#states].map((job) => `${job.join("|")}|1:00:00|4|None\n`).join(""),
      scancel: () => {
        for (const id of args.slice(1)) this.#states.set(id, "CANCELLED|0:00");
        return "";
      },
    };
    const stdout = answers[program ?? ""]?.() ?? "";
    return Promise.resolve({ end: { exitCode: 0 }, stdout, stderr: "" });
  };

  #submit(args: readonly string[]): string {
    const count = Number(args.find((arg) => arg.startsWith("--array="))?.slice(10));
    this.#arrays += 1;
    for (let at = 1; at <= count; at++) this.#states.set(`${this.#arrays}_${at}`, WAITS);
    return `${this.#arrays}\n`;
  }
}

const WAITS = "PENDING|0:00";
const RUNS = "RUNNING|2:00";
const ENDED = "COMPLETED|10:00";

test("nothing is submitted before the run is there, then what it needs, and all is over after it", async () => {
  await using cluster = new Cluster();
  cluster.start(cluster.demand(50));
  await cluster.advance(600);
  assert.deepEqual(cluster.said, []);
  cluster.need = NEED;
  await cluster.advance(5);
  assert.deepEqual(cluster.said, ["submitted 1", "submitted 24"], "4 CPUs each");
  cluster.move(WAITS, RUNS, 5);
  cluster.need = { ...NEED, jobsLeft: 40, slots: 20 };
  await cluster.advance(20);
  assert.deepEqual(cluster.said.slice(2), ["canceled 15"]);
  cluster.need = undefined;
  await cluster.advance(20);
  assert.equal(cluster.end, undefined, "it may be resumed");
  cluster.need = NEED;
  await cluster.advance(60);
  assert.equal(cluster.end, undefined, "it was resumed");
  cluster.need = undefined;
  await cluster.advance(40);
  assert.equal(cluster.end, "over");
});

test("a worker that has ended is replaced as long as the run needs it", async () => {
  await using cluster = new Cluster();
  cluster.start(cluster.demand(2));
  cluster.need = NEED;
  await cluster.advance(5);
  cluster.move(WAITS, RUNS);
  cluster.need = { ...NEED, slots: 8 };
  await cluster.advance(20);
  cluster.move(RUNS, ENDED, 1);
  await cluster.advance(20);
  assert.deepEqual(cluster.said, ["submitted 1", "submitted 1", "submitted 1"]);
  cluster.need = { ...NEED, jobsLeft: 3, slots: 4 };
  cluster.move(RUNS, ENDED);
  cluster.move(WAITS, RUNS);
  await cluster.advance(60);
  assert.equal(cluster.said.length, 3, "one is enough for three jobs");
});

test("workers that cannot reach the run are named once, and are not submitted for ever", async () => {
  await using cluster = new Cluster();
  cluster.start(cluster.demand(2));
  cluster.need = NEED;
  for (let round = 0; round < 20; round++) {
    await cluster.advance(100);
    cluster.move(RUNS, ENDED);
    cluster.move(WAITS, RUNS);
  }
  assert.equal(cluster.end, "None of the submitted workers could connect to the run");
  assert.equal(cluster.said.filter((line) => line === "unreached: 2").length, 1);
  assert.equal(cluster.said.filter((line) => line.startsWith("submitted")).length, 4);
});

test("a batch system that is away for a while ends nothing, and is not asked each second", async () => {
  await using cluster = new Cluster();
  cluster.start(cluster.demand(50));
  cluster.need = NEED;
  const hiccup = "Socket timed out on send/recv operation";
  cluster.problem = `sbatch: error: ${hiccup}`;
  await cluster.advance(30);
  assert.deepEqual(cluster.said, Array(3).fill(`sbatch: error: ${hiccup}`));
  cluster.problem = "";
  await cluster.advance(15);
  cluster.problem = `squeue: error: ${hiccup}`;
  cluster.commands.length = 0;
  await cluster.advance(60);
  assert(cluster.commands.length <= 5, cluster.commands.join());
  cluster.problem = "";
  await cluster.advance(20);
  assert.deepEqual(cluster.said.slice(3), ["submitted 1", "submitted 24"]);
  cluster.problem = `scancel: error: ${hiccup}`;
  cluster.need = { ...NEED, jobsLeft: 40 };
  await cluster.advance(20);
  assert.deepEqual(cluster.said.slice(5), [`scancel: error: ${hiccup}`]);
  cluster.problem = "";
  await cluster.advance(20);
  assert.deepEqual(cluster.said.slice(6), ["canceled 15"]);
  assert.equal(cluster.end, undefined);
});

test("what the batch system refuses for good ends the command while it has no worker", async () => {
  await using cluster = new Cluster();
  cluster.start(cluster.demand(50));
  cluster.problem = "sbatch: error: Invalid account";
  cluster.need = NEED;
  await cluster.advance(5);
  assert.equal(cluster.end, "sbatch: error: Invalid account");
});

test("the slots of other workers do not hide that none of the batch system reaches the run", async () => {
  await using cluster = new Cluster();
  cluster.start(cluster.demand(2));
  cluster.need = NEED;
  await cluster.advance(5);
  cluster.need = { ...NEED, slots: 8 }; // those of a local worker, a moment later
  for (let round = 0; round < 20; round++) {
    await cluster.advance(100);
    cluster.move(RUNS, ENDED);
    cluster.move(WAITS, RUNS);
  }
  assert.equal(cluster.end, "None of the submitted workers could connect to the run");
  assert.equal(cluster.said.filter((line) => line.startsWith("unreached")).length, 1);
});

test("a worker that reaches a run beside others is seen, even before it is listed as running", async () => {
  await using cluster = new Cluster();
  cluster.need = { ...NEED, slots: 8 };
  cluster.start(cluster.demand(1));
  await cluster.advance(20);
  cluster.move(WAITS, RUNS);
  cluster.need = { ...NEED, slots: 12 };
  for (let round = 0; round < 20; round++) {
    await cluster.advance(100);
    cluster.move(RUNS, ENDED);
    cluster.move(WAITS, RUNS);
  }
  assert.equal(cluster.end, undefined);
  assert.equal(cluster.said.filter((line) => line.startsWith("unreached")).length, 0);
});

test("a fixed number of workers is kept until they have found no work", async () => {
  await using cluster = new Cluster();
  cluster.start(new FixedDemand(3));
  await cluster.advance(20);
  cluster.move(WAITS, RUNS);
  await cluster.advance(20);
  cluster.move(RUNS, "TIMEOUT|59:00", 1);
  await cluster.advance(20);
  assert.deepEqual(cluster.said, ["submitted 3", "submitted 1"]);
  cluster.move(RUNS, ENDED);
  cluster.move(WAITS, ENDED);
  await cluster.advance(20);
  assert.equal(cluster.end, "over");
});
