/**
 * A run and its workers, of which random processes are killed, stopped and started again. Which ones, and after how
 * many jobs, depends on the choices alone.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type JobRecord, Workspace } from "../cli/workspace.ts";
import { core } from "../lib/cores.ts";
import { eventually, Program, signalQuietly } from "../lib/processes.ts";
import type { Choices } from "../lib/random.ts";
import { connect2, isBusy } from "../worker/controllers_2.ts";

/** Jobs that start between two kills. */
const JOBS_BETWEEN_MAX = 150;

/** How long a process is stopped: long enough to be noticed, far shorter than the time until it is given up. */
const STOPPED_MS_MAX = 500;

/** The whole test with all its kills. */
const LIFE_LIMIT_MS = 900_000;

/** Two or three kills of a job's process in a row count as crashes, and may happen by chance. */
const CRASH_LIMIT = "100";

/** Jobs that were done when a run ended, and how often each job had run by then. */
interface Snapshot {
  readonly done: ReadonlySet<string>;
  readonly counts: ReadonlyMap<string, number>;
}

/** Each so many steps it is the run that is killed: it has to resume in every test. */
const RUN_KILLED_EVERY = 4;

/** What the other steps do, and how often. */
const STEPS = [
  [4, "kill a slot"],
  [2, "stop a slot"],
  [3, "kill a worker"],
  [1, "drain a worker"],
  [2, "stop a worker"],
  [1, "stop the run"],
] as const;

/** Everything that may be killed. */
export class RandomKills implements AsyncDisposable {
  readonly #choices: Choices;
  readonly #workspace: Workspace;
  readonly #jobs: number;
  readonly #core: string;
  readonly #workers: Program[] = [];
  #run: Program | undefined;
  #hasEnded = false;
  #snapshot: Snapshot = { done: new Set(), counts: new Map() };
  /** What was done so far, for messages. */
  readonly steps: string[] = [];

  private constructor(choices: Choices, workspace: Workspace, jobs: number, core: string) {
    this.#choices = choices;
    this.#workspace = workspace;
    this.#jobs = jobs;
    this.#core = core;
  }

  /** Starts two workers, and a run with so many jobs. */
  static async start(choices: Choices, jobs: number): Promise<RandomKills> {
    const workspace = await Workspace.makeInMemory();
    const ledger = workspace.at("ledger");
    const names = Array.from({ length: jobs }, (_, index) => `${ledger} ${nameOf(index)}\n`);
    await workspace.write("lines", names.join(""));
    const kills = new RandomKills(choices, workspace, jobs, await core("noted"));
    for (let index = 0; index < 2; index++) kills.#workers.push(await startAt(0));
    await kills.#startRun();
    return kills;
  }

  /** Waits until some jobs have started, and then kills or stops something. Resolves to false once the run has ended. */
  async step(): Promise<boolean> {
    const isForRun = this.steps.length % RUN_KILLED_EVERY === 0;
    const step = isForRun ? "kill the run" : this.#choices.weighted(STEPS);
    if (!await this.#progress(this.#choices.between(1, JOBS_BETWEEN_MAX))) return false;
    this.steps.push(step);
    if (step === "kill a slot") await this.#withSlot((pid) => signalQuietly(pid, "SIGKILL"));
    if (step === "stop a slot") await this.#withSlot((pid) => this.#stopFor(pid));
    if (step === "kill a worker") await this.#restartWorker((worker) => worker.kill());
    if (step === "drain a worker") await this.#restartWorker((worker) => worker.stop());
    if (step === "stop a worker") await this.#stopFor(this.#choices.of(this.#workers).pid);
    if (step === "kill the run") await this.#restartRun();
    if (step === "stop the run") await this.#stopFor(this.#running.pid);
    return true;
  }

  /** Waits until the run has ended, and checks everything. */
  async complete(): Promise<void> {
    const run = this.#running;
    await run.exited;
    await run.endsCleanly();
    await this.#checkSnapshot();
    const names = Array.from({ length: this.#jobs }, (_, index) => index);
    const expected = names.map((index) => [index, reversed(nameOf(index))]);
    assert.deepEqual(await this.#workspace.outputsByNumber(), Object.fromEntries(expected));
    const records = await this.#records();
    // Behind a torn line, a run writes records again, with fewer zeros in their numbers and so another checksum.
    const different = new Set(records.map((record) => JSON.stringify({ ...record, crc: "" })));
    assert.equal(different.size, this.#jobs, "each job has one record");
    assert.deepEqual(await this.#workspace.leftovers(), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const programs = [this.#run, ...this.#workers];
    for (const program of programs) await program?.kill();
    for (const program of programs) await program?.[Symbol.asyncDispose]();
    await this.#workspace[Symbol.asyncDispose]();
  }

  get #running(): Program {
    assert(this.#run, "there is no run");
    return this.#run;
  }

  /** The same jobs each time, with the workers or with one of its own. */
  async #startRun(): Promise<void> {
    const addresses = this.#workers.map(({ port }) => `127.0.0.1:${port}`).join(",");
    const where = this.#choices.onceIn(3) ? ["--slots", "2"] : ["--workers", addresses];
    const args = ["run", this.#core, "--lines", "lines", "--crash-limit", CRASH_LIMIT];
    const run = await this.#workspace.start([...args, ...where], { lifeLimitMs: LIFE_LIMIT_MS });
    this.#run = run;
    this.#hasEnded = false;
    void run.exited.then(() => this.#hasEnded = true);
  }

  /** Kills the run, and starts it again once nothing that it has started runs any longer. */
  async #restartRun(): Promise<void> {
    const killed = this.#running;
    await killed.kill();
    await isDeserted(killed);
    await killed[Symbol.asyncDispose]();
    this.#run = undefined;
    await Promise.all(this.#workers.map(isIdle));
    await this.#checkSnapshot();
    this.#snapshot = { done: await this.#done(), counts: await this.#counts() };
    await this.#startRun();
    if (this.#snapshot.done.size > 0) await this.#skips(this.#snapshot.done.size);
  }

  /** The run says how many jobs it does not run. */
  async #skips(jobs: number): Promise<void> {
    const [, count = ""] = await this.#running.printed("stderr", /^earlier runs: ([\d,]+) jobs? /m);
    assert.equal(Number(count.replaceAll(",", "")), jobs);
  }

  /** No job has run again that an earlier run had done. */
  async #checkSnapshot(): Promise<void> {
    const counts = await this.#counts();
    for (const name of this.#snapshot.done) {
      assert.equal(counts.get(name), this.#snapshot.counts.get(name), `job ${name} was done`);
    }
  }

  async #restartWorker(end: (worker: Program) => Promise<void>): Promise<void> {
    const index = this.#choices.below(this.#workers.length);
    const worker = this.#workers[index] as Program;
    await end(worker);
    await isDeserted(worker);
    await worker[Symbol.asyncDispose]();
    this.#workers[index] = await startAt(worker.port);
  }

  /** A slot of a worker, or a process of the run: its worker, or a slot of that one. */
  async #withSlot(act: (pid: number) => Promise<void> | void): Promise<void> {
    const owner = this.#choices.of([this.#running, ...this.#workers]);
    const pids = await owner.descendants();
    if (pids.length > 0) await act(this.#choices.of(pids));
  }

  async #stopFor(pid: number): Promise<void> {
    signalQuietly(pid, "SIGSTOP");
    await delay(this.#choices.below(STOPPED_MS_MAX));
    signalQuietly(pid, "SIGCONT");
  }

  /** Waits until so many jobs more have started; resolves to false if the run has ended before. */
  async #progress(jobs: number): Promise<boolean> {
    const before = await this.#started();
    await eventually(`${jobs} jobs more than ${before} have started`, async () => {
      return this.#hasEnded || await this.#started() >= before + jobs;
    });
    return !this.#hasEnded;
  }

  async #started(): Promise<number> {
    return (await this.#ledger()).length;
  }

  /** How often each job has started. */
  async #counts(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const line of await this.#ledger()) {
      const [name = ""] = line.split(" ");
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }

  async #ledger(): Promise<string[]> {
    const text = await readFile(this.#workspace.at("ledger"), "utf8").catch(() => "");
    return text.split("\n").slice(0, -1);
  }

  /** The names of the jobs that the journal shows as done. */
  async #done(): Promise<Set<string>> {
    const done = (await this.#records()).filter(({ state }) => state === "done");
    return new Set(done.map(({ index }) => nameOf(index)));
  }

  /** The records of jobs in complete lines: a killed run may have torn one. */
  async #records(): Promise<JobRecord[]> {
    const path = this.#workspace.at("outputs/.distcomp/jobs.jsonl");
    const text = await readFile(path, "utf8").catch(() => "");
    return text.split("\n").slice(0, -1).flatMap((line) => {
      try {
        const record = JSON.parse(line) as JobRecord;
        return record.input === undefined ? [] : [record];
      } catch {
        return [];
      }
    });
  }
}

function nameOf(index: number): string {
  return `job-${index}`;
}

function reversed(text: string): string {
  return [...text].reverse().join("");
}

/** Starts a worker at a port, which the one before it may have used. */
async function startAt(port: number): Promise<Program> {
  const args = ["worker", "--listen", `127.0.0.1:${port}`, "--slots", "2"];
  const worker = await Program.start(args, { lifeLimitMs: LIFE_LIMIT_MS });
  await worker.printed("stdout", /^listening on .*\n/m);
  return worker;
}

/** Slots end by themselves when their worker was killed. */
async function isDeserted(program: Program): Promise<void> {
  await eventually("no process is left", async () => (await program.descendants()).length === 0);
}

/** The jobs of a run that is gone are dropped, or have ended. */
async function isIdle(worker: Program): Promise<void> {
  await using controller = await connect2(worker);
  await isBusy(controller, 0);
}
