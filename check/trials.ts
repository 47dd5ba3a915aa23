/** Starts trials, each in a process of its own, so that a core that crashes or hangs ends only its trial. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { delay } from "../runtime/clock.ts";
import type { ProcessEnd, Runtime } from "../runtime/ports.ts";
import { Child } from "../system/child.ts";
import { PrintingPace } from "../system/printing_pace.ts";
import { startSelf } from "../system/self.ts";
import { lostThread, markedProcesses } from "./process_facts.ts";
import type { TrialPlan } from "./trial_plan.ts";
import { TrialLimit } from "./trial_limit.ts";
import { isEnding, jobsBegun, type TrialResult, trialResult } from "./trial_result.ts";

/** A killed process that has not ended after this time hangs in the kernel. */
const END_TURN_MS = 20;
const END_TURNS_MAX = 100;

/** How many of the last lines that a trial prints are kept. */
const LINES_MAX = 20;

/** How a trial differs from the plain one: one run in plain memory. */
export interface TrialOptions {
  readonly input?: string;
  readonly guard?: TrialPlan["guard"];
  readonly runs?: number;
  readonly budgetMs?: number;
  /** More environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a trial is started with. */
interface StartedTrial {
  readonly planPath: string;
  readonly report: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly budgetMs: number;
}

/** Why a trial has no result: somebody has ended the trials, as Ctrl-C does. It says nothing about the core. */
export class TrialsEndedError extends Error {
  override name = "TrialsEndedError";

  constructor() {
    super("the trials were ended");
  }
}

/** The trials of one core. */
export class Trials {
  readonly #runtime: Runtime;
  readonly #core: string;
  readonly #folder: string;
  readonly #limitMs: number;
  readonly #pace: PrintingPace;
  #count = 0;
  #current: Child | undefined;
  #isEnded = false;
  /** Whether the core has taken too long at the end of a trial: the next ones need not wait for that again. */
  #isLateAtEnd = false;

  /** `folder`: its own temporary folder. `limitMs`: how long loading the core, or one job, may take. */
  constructor(runtime: Runtime, core: string, folder: string, limitMs: number) {
    this.#runtime = runtime;
    this.#core = core;
    this.#folder = folder;
    this.#limitMs = limitMs;
    this.#pace = new PrintingPace(runtime.clock, {});
  }

  /** Runs a trial to its end. Nothing of it is left afterwards. Rejects with `TrialsEndedError` after `close`. */
  async run(options: TrialOptions = {}): Promise<TrialResult> {
    if (this.#isEnded) throw new TrialsEndedError();
    const folder = join(this.#folder, `trial-${++this.#count}`);
    const workFolder = join(folder, "work");
    const temporary = join(folder, "tmp");
    for (const path of [workFolder, temporary]) mkdirSync(path, { recursive: true });
    const { input, guard, runs = 1, budgetMs = 0, env = {} } = options;
    const report = join(folder, "report");
    const planPath = join(folder, "plan");
    const plan: TrialPlan = {
      core: this.#core,
      input,
      guard,
      runs,
      budgetMs: budgetMs === 0 ? Number.MAX_SAFE_INTEGER : budgetMs,
      workFolder,
      mark: temporary,
      report,
    };
    writeFileSync(planPath, JSON.stringify(plan));
    writeFileSync(report, "");
    const printed: string[] = [];
    const variables = { ...env, TMPDIR: temporary };
    const ends = await this.#start({ planPath, report, variables, budgetMs }, printed);
    const survivors = await this.#endSurvivors(temporary);
    if (this.#isEnded) throw new TrialsEndedError(); // it was killed, and its folder may be gone
    const result = trialResult(readFileSync(report, "utf8"), { ...ends, printed, survivors });
    rmSync(folder, { recursive: true, force: true });
    return result;
  }

  /** Ends the trial that runs. */
  async close(): Promise<void> {
    this.#isEnded = true;
    this.#current?.kill();
    await this.#endSurvivors(this.#folder);
  }

  async #start(
    { planPath, report, variables, budgetMs }: StartedTrial,
    printed: string[],
  ): Promise<{ crash: string | undefined }> {
    const { clock } = this.#runtime;
    const started = startSelf(this.#runtime, "check", [planPath], { variables });
    const onLine = (line: string) => {
      printed.push(line);
      if (printed.length > LINES_MAX) printed.shift();
    };
    const child = new Child(started, { clock, pace: this.#pace, onLine });
    this.#current = child;
    const reported = () => this.#isEnded ? "" : readFileSync(report, "utf8"); // its folder may be gone then
    const limit = new TrialLimit(clock, {
      jobsBegun: () => jobsBegun(reported()),
      isEnding: () => isEnding(reported()),
      lostThread: () => lostThread(started.pid),
      kill: () => child.kill(),
    }, { limitMs: this.#limitMs, moreMs: budgetMs, isKnown: this.#isLateAtEnd });
    const end = await child.settled;
    limit.stop();
    this.#isLateAtEnd ||= limit.isLateAtEnd;
    this.#current = undefined;
    return { crash: limit.problem ?? crashOf(end) };
  }

  async #endSurvivors(mark: string): Promise<number> {
    const survivors = markedProcesses(mark);
    for (const pid of survivors) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has just ended.
      }
    }
    for (let turn = 0; turn < END_TURNS_MAX && markedProcesses(mark).length > 0; turn++) {
      await delay(this.#runtime.clock, END_TURN_MS); // a killed process takes a moment to end
    }
    return survivors.length;
  }
}

function crashOf(end: ProcessEnd | undefined): string | undefined {
  if (end?.signal !== undefined) return `crashes with ${end.signal}`;
  if (end?.exitCode === 0) return undefined;
  return end ? `exits with status ${end.exitCode}` : "hangs in the kernel";
}
