/**
 * A trial: a process that loads a core and runs one input, as a slot does, while it looks at everything around. It
 * reports each step to a file before it takes it, because the core may crash in any of them.
 */

import { createHash } from "node:crypto";
import { openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import process from "node:process";
import { HUGE_BLOB_BYTES_MAX } from "../protocol/mod.ts";
import { codeOf, reasonOf } from "../runtime/error_text.ts";
import type { GuardedCore } from "../runtime/native/guarded_core.ts";
import { openGuardedCore } from "../runtime/open_guarded_core.ts";
import type { CoreProcess, NativeCore, Runtime } from "../runtime/ports.ts";
import { heapBytes, ownResidentBytes, startedProcesses, threadIds } from "./process_facts.ts";
import { THREADS_MORE_MAX } from "./thread_growth.ts";
import type { Phase, ReportLine, RunReport, ThreadCount, TrialPlan, Usage } from "./trial_plan.ts";

/** The version of the compute core API that is passed to `worker_init`. */
const CORE_API_VERSION = 1;

/** These runs are reported one by one, the others by their times and their memory. */
const DETAILED_RUNS = 2;

/** After this many runs there are no more than fit into this time. Fast jobs are run more often, to see small leaks. */
const RUNS_ENOUGH = 1_000;
const MORE_RUNS_MS = 2_000;

/** How often memory is looked at. */
const RUNS_PER_LOOK = 125;

/** How often threads are counted, behind the first runs: jobs that take long have no others. */
const RUNS_PER_COUNT = 32;

const STDERR = 2;

/** A larger output is not compared. */
const COMPARED_BYTES_MAX = 2 ** 30;

/** Runs a trial and ends this process as a slot ends. Its exit status says nothing: the report does. */
export async function runTrial(runtime: Runtime, planPath: string): Promise<never> {
  const own = runtime.openCoreProcess({}); // now: a core may leave no descriptors
  const plan = JSON.parse(readFileSync(planPath, "utf8")) as TrialPlan;
  const trial = new Trial(runtime, plan);
  try {
    await trial.run();
  } catch (error) {
    endFailed(own, trial, reasonOf(error));
  }
  return own.exit(0);
}

/** Ends a trial that cannot go on. What destructors print would be taken for the reason, so none of them runs. */
function endFailed(own: CoreProcess, trial: Trial, failed: string): void {
  own.call(() => {}); // writes what the core has printed
  try {
    trial.report({ failed });
  } catch {
    writeSync(STDERR, "the core has closed descriptors of its process\n"); // the report's, for one
    own.exit(1);
  }
  process.kill(process.pid, "SIGKILL");
}

class Trial {
  readonly #runtime: Runtime;
  readonly #plan: TrialPlan;
  readonly #fd: number;
  #phase: Phase | undefined;

  constructor(runtime: Runtime, plan: TrialPlan) {
    this.#runtime = runtime;
    this.#plan = plan;
    this.#fd = openSync(plan.report, "a");
  }

  report(line: ReportLine): void {
    writeSync(this.#fd, `${JSON.stringify(line)}\n`);
  }

  async run(): Promise<void> {
    process.chdir(this.#plan.workFolder);
    const before = new Set(threadIds());
    const guarded = await this.#load();
    const { input: path } = this.#plan;
    if (path !== undefined) {
      const input = new Uint8Array(readFileSync(path));
      new Runs(this.#runtime, this.#plan, guarded, (line) => this.report(line), before).run(input);
      this.#lookAround();
    }
    this.#enter("unload");
  }

  async #load(): Promise<GuardedCore> {
    const { clock } = this.#runtime;
    this.#enter("load");
    const startedAtMs = clock.now();
    const guarded = await openGuardedCore(this.#plan.core);
    const openedAtMs = clock.now();
    this.#enter("init");
    const result = guarded.core.init(CORE_API_VERSION);
    const initMs = clock.now() - openedAtMs;
    if (result !== 0) throw new Error(`worker_init returned ${result}`);
    this.report({ loaded: { openMs: openedAtMs - startedAtMs, initMs } });
    return guarded;
  }

  #lookAround(): void {
    const { workFolder, mark } = this.#plan;
    this.report({ left: { processes: startedProcesses(mark).length, files: filesIn(workFolder) } });
  }

  #enter(phase: Phase): void {
    if (this.#phase !== phase) this.report({ phase });
    this.#phase = phase;
  }
}

/** The runs of one input. */
class Runs {
  readonly #clock: Runtime["clock"];
  readonly #plan: TrialPlan;
  readonly #guarded: GuardedCore;
  readonly #report: (line: ReportLine) => void;
  /** The threads before the core was loaded. */
  readonly #before: ReadonlySet<string>;
  readonly #times: number[] = [];
  readonly #usage: Usage[] = [];
  readonly #threadCounts: ThreadCount[] = [];

  constructor(
    { clock }: Runtime,
    plan: TrialPlan,
    guarded: GuardedCore,
    report: (line: ReportLine) => void,
    before: ReadonlySet<string>,
  ) {
    this.#clock = clock;
    this.#plan = plan;
    this.#guarded = guarded;
    this.#report = report;
    this.#before = before;
  }

  run(input: Uint8Array): void {
    const { runs, budgetMs } = this.#plan;
    const startedAtMs = this.#clock.now();
    for (let index = 0; index < runs; index++) {
      const limitMs = index < RUNS_ENOUGH ? budgetMs : MORE_RUNS_MS;
      if (index > 0 && this.#clock.now() - startedAtMs > limitMs) break;
      this.#once(input, index);
      if ((index + 1) % RUNS_PER_LOOK === 0) this.#look(index + 1);
      if (this.#hasTooManyThreads(index)) break;
    }
    this.#report({ phase: "after" });
    const sorted = this.#times.toSorted((one, other) => one - other);
    const medianMs = sorted[sorted.length >> 1] ?? 0;
    this.#report({ times: { runs: sorted.length, medianMs, maxMs: sorted.at(-1) ?? 0 } });
    this.#report({ usage: this.#usage });
    this.#report({ threadCounts: this.#threadCounts });
  }

  #once(input: Uint8Array, index: number): void {
    const { core } = this.#guarded;
    const isDetailed = index < DETAILED_RUNS;
    const guard = this.#plan.guard && this.#placed(input, this.#plan.guard);
    if (!guard) this.#copy(input);
    if (isDetailed) this.#report({ phase: "run" });
    else if (index === DETAILED_RUNS) this.#report({ phase: "jobs" });
    const startedAtMs = this.#clock.now();
    const exitCode = core.run(input.byteLength);
    this.#times.push(this.#clock.now() - startedAtMs);
    const ran = isDetailed && this.#describe(exitCode, input, guard?.isIntact() ?? true);
    if (isDetailed) this.#report({ phase: "free" });
    core.free();
    if (ran) this.#report({ ran });
  }

  #placed(input: Uint8Array, { side, canary }: NonNullable<TrialPlan["guard"]>) {
    return this.#guarded.place(input, side, canary);
  }

  /** As in a slot: one NUL byte is behind the input. */
  #copy(input: Uint8Array): void {
    const memory = this.#guarded.core.input(input.byteLength + 1);
    memory.set(input);
    memory[input.byteLength] = 0;
  }

  #describe(exitCode: number, input: Uint8Array, isIntact: boolean): RunReport {
    const { core } = this.#guarded;
    const { outputBytes, outputPointer } = core;
    const problem = outputBytes > 0 && !outputPointer
      ? `it reports ${core.outputSize} bytes of output at a null pointer`
      : outputBytes > HUGE_BLOB_BYTES_MAX
      ? `it reports ${core.outputSize} bytes of output, but the limit is ${HUGE_BLOB_BYTES_MAX}`
      : undefined;
    const isCompared = problem === undefined && outputBytes <= COMPARED_BYTES_MAX;
    const output = isCompared ? this.#digest() : undefined;
    const isInInput = problem === undefined && outputBytes > 0 &&
      core.outputAddress <= core.inputAddress + BigInt(input.byteLength) &&
      core.inputAddress < core.outputAddress + core.outputSize;
    return {
      exitCode,
      outputBytes,
      output,
      problem,
      isInInput,
      isIntact,
      threads: this.#threads(),
    };
  }

  /** The output may not be there: then this is where the process ends. */
  #digest(): string {
    const { core } = this.#guarded;
    const address = core.outputAddress.toString(16);
    this.#report({ output: { bytes: String(core.outputSize), address } });
    this.#report({ phase: "output" });
    return digestOf(core);
  }

  #look(run: number): void {
    this.#usage.push({ run, residentBytes: ownResidentBytes(), heapBytes: heapBytes() });
  }

  /** Whether there are so many more threads than behind the first run that no other may begin. */
  #hasTooManyThreads(index: number): boolean {
    if (index > RUNS_PER_COUNT && index % RUNS_PER_COUNT !== 0) return false;
    const threads = this.#threads();
    this.#threadCounts.push({ run: index + 1, threads });
    return threads - (this.#threadCounts[0]?.threads ?? 0) > THREADS_MORE_MAX;
  }

  #threads(): number {
    return threadIds().filter((id) => !this.#before.has(id)).length;
  }
}

/** The names of files, without those that a crash writes; `null` if the folder is gone. */
function filesIn(folder: string): string[] | null {
  try {
    return readdirSync(folder).filter((name) => !/^core(\.\d+)?$/.test(name));
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return null;
    throw cause;
  }
}

function digestOf(core: NativeCore): string {
  const output = new Uint8Array(core.outputBytes);
  core.copyOutput(output);
  return createHash("sha256").update(output).digest("hex");
}
