/** A random mixture of good and bad nodes and of good and bad jobs, run by a cluster in virtual time. */

import { DEFAULT_POLICY } from "../../../controller/cluster/job_policy.ts";
import { KINDS, randomSource } from "../../fixtures/peers/frames.ts";
import type {
  JobAnswer,
  Options2,
  ReceivedJob,
  ScriptedWorker2,
} from "../../fixtures/peers/scripted_worker_2.ts";
import { numberedInputs, type RecordedCluster, Simulation, textOf } from "../simulation.ts";

/** How a bad node or a bad job fails. */
const FAILURES: readonly JobAnswer[] = [
  { exitCode: 3, output: new Uint8Array() },
  { kind: KINDS.crash, text: "crashed: SIGILL" },
  { kind: KINDS.other, text: "no space left on device" },
  { kind: KINDS.killed, text: "killed: SIGKILL" },
  { kind: KINDS.timeout, text: "timed out" },
];

/** What a mixture consists of. */
export interface MixtureOptions {
  readonly seed: number;
  readonly jobs: number;
  readonly nodesMax: number;
  /** The largest part of bad jobs. */
  readonly badJobsMax: number;
  readonly goodNodes?: number;
  readonly badNodes?: number;
}

interface MixedNode {
  readonly worker: ScriptedWorker2;
  readonly isGood: boolean;
  /** The part of the good jobs that it fails. */
  readonly rate: number;
  readonly runs: string[];
}

/** What has become of a mixture. */
export interface MixtureResult {
  readonly goodFailed: readonly string[];
  readonly badDone: readonly string[];
  /** The most tries of a bad job, and those of them that took the slot of a good node while other jobs waited for one. */
  readonly triesMax: number;
  readonly takenMax: number;
  /**
   * The part of the good nodes' time that went into jobs again that had failed on one, while other jobs waited for a
   * slot. A slot that has nothing else to do wastes no time.
   */
  readonly wastedPart: number;
  /** Whether at least half of the nodes are good. */
  readonly isMostlyGood: boolean;
  readonly elapsedMs: number;
  readonly text: string;
  readonly warnings: readonly string[];
}

/** Runs one mixture to its end. */
export async function runMixture(options: MixtureOptions): Promise<MixtureResult> {
  const simulation = new Simulation();
  try {
    return await new Mixture(simulation, options).run();
  } finally {
    await simulation.close();
  }
}

class Mixture {
  readonly #simulation: Simulation;
  readonly #options: MixtureOptions;
  readonly #random: () => number;
  readonly #badJobs = new Map<string, JobAnswer>();
  readonly #nodes: MixedNode[] = [];
  /** How often each job has run. */
  readonly #tries = new Map<string, number>();
  /** How often each job has run on a good node. */
  readonly #goodTries = new Map<string, number>();
  /** How often each bad job has run on a good node while other jobs waited for a slot. */
  readonly #taken = new Map<string, number>();
  #busyMs = 0;
  #wastedMs = 0;

  constructor(simulation: Simulation, options: MixtureOptions) {
    this.#simulation = simulation;
    this.#options = options;
    this.#random = randomSource(options.seed);
  }

  async run(): Promise<MixtureResult> {
    const { jobs } = this.#options;
    const recorded = this.#simulation.cluster({ policy: { ...DEFAULT_POLICY, timeMs: 1 } });
    const inputs = numberedInputs(jobs);
    const part = this.#random() * this.#options.badJobsMax;
    for (const input of inputs) {
      if (this.#random() < part) this.#badJobs.set(textOf({ input }), this.#failure());
    }
    await this.#makeNodes();
    for (const { worker } of this.#shuffled()) {
      recorded.dial(worker);
      if (this.#random() < 0.3) await this.#simulation.advance(this.#random() * 400);
    }
    recorded.addAll(inputs);
    await recorded.completed(jobs);
    const elapsedMs = this.#simulation.network.clock.now();
    await recorded.settled();
    return this.#result(recorded, elapsedMs);
  }

  async #makeNodes(): Promise<void> {
    const { nodesMax } = this.#options;
    const total = 2 + this.#below(nodesMax - 1);
    const good = this.#options.goodNodes ?? 1 + this.#below(total);
    const bad = this.#options.badNodes ?? total - good;
    for (let index = 0; index < good + bad; index++) {
      const isGood = index < good;
      const delayMs = isGood ? 5 + this.#below(20) : this.#below(2) * 10 + 1;
      const slots = 1 + this.#below(4);
      const rate = isGood ? 0 : this.#random() < 0.5 ? 1 : 0.5;
      this.#nodes.push(await this.#makeNode({ delayMs, slots }, isGood, rate));
    }
  }

  async #makeNode(options: Options2, isGood: boolean, rate: number): Promise<MixedNode> {
    const worker = await this.#simulation.worker(options);
    const failure = this.#failure();
    const runs: string[] = [];
    worker.script.answerJob = (job: ReceivedJob) => {
      const text = textOf(job);
      runs.push(text);
      if (isGood) this.#onGoodRun(text, options.delayMs ?? 0);
      this.#tries.set(text, (this.#tries.get(text) ?? 0) + 1);
      return this.#badJobs.get(text) ?? (this.#random() < rate ? failure : "echo");
    };
    return { worker, isGood, rate, runs };
  }

  #result(recorded: RecordedCluster, elapsedMs: number): MixtureResult {
    const goodFailed: string[] = [];
    const badDone: string[] = [];
    for (const { job, answer, reason } of recorded.completions) {
      const text = textOf(job.payload);
      const isDone = answer.kind === "result" && answer.result.exitCode === 0;
      if (this.#badJobs.has(text) && isDone) badDone.push(text);
      if (!this.#badJobs.has(text) && !isDone) {
        goodFailed.push(`${text}: ${reason ?? JSON.stringify(answer)}`);
      }
    }
    const mostOf = (tries: ReadonlyMap<string, number>) =>
      Math.max(0, ...[...this.#badJobs.keys()].map((text) => tries.get(text) ?? 0));
    return {
      goodFailed,
      badDone,
      triesMax: mostOf(this.#tries),
      takenMax: mostOf(this.#taken),
      wastedPart: this.#wastedMs / Math.max(1, this.#busyMs),
      isMostlyGood: 2 * this.#nodes.filter(({ isGood }) => isGood).length >= this.#nodes.length,
      elapsedMs,
      text: `seed ${this.#options.seed}: ${this.#badJobs.size} bad jobs, nodes ` +
        this.#nodes.map(({ rate, runs, worker }) =>
          `${rate}x${worker.script.slots}@${worker.script.delayMs}ms:${runs.length}`
        ).join(" "),
      warnings: recorded.warnings,
    };
  }

  /** Whether the controller holds jobs that it has sent to no node yet. */
  get #doJobsWait(): boolean {
    const sent = new Set(
      this.#nodes.flatMap(({ worker }) => worker.received.jobs.map((job) => textOf(job))),
    );
    return sent.size < this.#options.jobs;
  }

  /** Time of the good nodes: all of it, and what they spent on failed jobs again while other jobs waited. */
  #onGoodRun(text: string, delayMs: number): void {
    this.#busyMs += delayMs;
    const tries = this.#goodTries.get(text) ?? 0;
    this.#goodTries.set(text, tries + 1);
    const failure = this.#badJobs.get(text);
    if (!failure || !this.#doJobsWait) return;
    this.#taken.set(text, (this.#taken.get(text) ?? 0) + 1);
    if (tries > 0 && isOwn(failure)) this.#wastedMs += delayMs;
  }

  #failure(): JobAnswer {
    return FAILURES[this.#below(FAILURES.length)] as JobAnswer;
  }

  #shuffled(): MixedNode[] {
    return this.#nodes
      .map((node) => ({ node, order: this.#random() }))
      .sort((one, other) => one.order - other.order)
      .map(({ node }) => node);
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

/** Whether a failure is an answer of the job, which is not tried elsewhere as a rule. */
function isOwn(failure: JobAnswer): boolean {
  return typeof failure === "object" && ("exitCode" in failure || failure.kind === KINDS.timeout);
}
