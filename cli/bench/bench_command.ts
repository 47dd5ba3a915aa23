/** `distcomp bench`: measures what a job costs on each worker, and says what to do about it. */

import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import { Trials, TrialsEndedError } from "../../check/trials.ts";
import { NoWorkerError } from "../../controller/run_errors.ts";
import { readCoreImage } from "../../controller/workers/core_image.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { closeToOthers } from "../../runtime/processes/private_process.ts";
import { guardedRuntime } from "../../security/guarded_runtime.ts";
import { type Log, silentLog } from "../../system/log.ts";
import { makeTemporaryFolder } from "../../system/temporary_folder.ts";
import { slotsFor } from "../../system/usable_cpus.ts";
import { costOf, type WorkerFigures } from "./bench_figures.ts";
import type { BenchFlags } from "./bench_options.ts";
import { adviceText, benchJson, figuresText, type WorkerReport } from "./bench_report.ts";
import { checkIsFile } from "../options/input_file.ts";
import { ExitCode } from "../program/exit_code.ts";
import { printable } from "../../system/format.ts";
import { warnInsecureRun } from "../options/insecure_warning.ts";
import { printError, toStderr } from "../terminal/log.ts";
import { runLog } from "../terminal/run_log.ts";
import { exit } from "../terminal/stderr.ts";
import { writeStdout } from "../terminal/stdout.ts";
import { UsageError } from "../program/usage_error.ts";
import {
  BenchJobError,
  type BenchPlan,
  type BenchTarget,
  nameOf,
  WorkerBench,
} from "./worker_bench.ts";
import { workersOf } from "../options/worker_list.ts";

/** How long each worker is measured if the user does not say. */
const TIME_MS = 3_000;

/** The input if the user has none. */
const BUILT_IN_BYTES = 64;

/** The job alone is tried for this long, or this often. */
const TRIAL_MS = 500;
const TRIAL_RUNS_MAX = 10_000;

/** How long a trial may take in all. A longer job need not be measured so exactly. */
const TRIAL_LIMIT_MS = 60_000;

/** Runs the command. Resolves to the exit status. */
export async function benchCommand(
  runtime: Runtime,
  core: string,
  input: string | undefined,
  flags: BenchFlags,
): Promise<number> {
  await closeToOthers(); // it may have read the key, as a run does
  const targets = await targetsOf(flags);
  const isLocal = targets[0]?.kind === "local";
  const plan: BenchPlan = {
    core: await readCoreImage(core, isLocal, { beside: flags.with, variables: flags.env }),
    input: await inputOf(input),
    timeMs: flags.time ?? TIME_MS,
  };
  const folder = await makeTemporaryFolder(runtime.files);
  const bench = new Bench(runtime, { core, input, flags, plan, targets, folder });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      void bench.close().finally(() => exit(ExitCode.interrupted));
    });
  }
  try {
    return await bench.run();
  } catch (error) {
    if (error instanceof TrialsEndedError) return ExitCode.interrupted;
    throw error;
  } finally {
    await bench.close();
  }
}

async function targetsOf({ slots, ...flags }: BenchFlags): Promise<BenchTarget[]> {
  const workers = await workersOf(flags);
  if (workers.length === 0) return [{ kind: "local", slots: slots ?? slotsFor() }];
  if (slots !== undefined) {
    throw new UsageError(
      "--slots is only for a bench without --workers; on a worker: distcomp worker --slots",
    );
  }
  return workers.map((address) => ({ kind: "remote", address }));
}

async function inputOf(path: string | undefined): Promise<Uint8Array<ArrayBuffer>> {
  if (path === undefined) return new Uint8Array(BUILT_IN_BYTES);
  await checkIsFile("input", path);
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new UsageError(`Cannot read input "${path}": ${reasonOf(cause)}`, { cause });
  }
}

interface BenchParts {
  readonly core: string;
  readonly input: string | undefined;
  readonly flags: BenchFlags;
  readonly plan: BenchPlan;
  readonly targets: readonly BenchTarget[];
  /** For temporary files. */
  readonly folder: string;
}

/** One run of the command. */
class Bench {
  readonly #runtime: Runtime;
  readonly #parts: BenchParts;
  readonly #log: Log;
  readonly #trials: Trials;
  #current: WorkerBench | undefined;
  #closed: Promise<void> | undefined;

  constructor(runtime: Runtime, parts: BenchParts) {
    this.#runtime = runtime;
    this.#parts = parts;
    // What the core prints is printed for each of thousands of jobs.
    this.#log = { ...runLog(toStderr, true), printed: silentLog.printed };
    this.#trials = new Trials(runtime, resolve(parts.core), parts.folder, TRIAL_LIMIT_MS);
  }

  async run(): Promise<number> {
    const { core, flags, targets } = this.#parts;
    const { key, insecure, json = false } = flags;
    const guarded = guardedRuntime(this.#runtime, {
      role: "controller",
      key,
      insecure,
      log: this.#log,
    });
    if (insecure) warnInsecureRun(this.#log);
    if (key !== undefined) await guarded.openKey();
    const reports: WorkerReport[] = [];
    for (const [index, target] of targets.entries()) {
      if (process.stderr.isTTY) {
        const place = targets.length > 1 ? `, ${index + 1} of ${targets.length}` : "";
        toStderr(`measuring ${printable(nameOf(target))}${place}`);
      }
      reports.push(await this.#measure(guarded, target));
    }
    const isUnknown = reports.some((one) => "figures" in one && one.figures.coreMs === undefined);
    const coreMs = isUnknown ? await this.#coreTime() : undefined;
    if (json) writeStdout(`${benchJson(core, coreMs, reports)}\n`);
    else this.#print(reports, coreMs);
    return exitCodeOf(reports);
  }

  close(): Promise<void> {
    return this.#closed ??= (async () => {
      await this.#current?.close();
      await this.#trials.close();
      this.#runtime.files.removeSync(this.#parts.folder);
    })();
  }

  /** What a job takes in the core on this machine, in milliseconds; `undefined` if it cannot be tried here. */
  async #coreTime(): Promise<number | undefined> {
    const { folder, plan, flags: { env = {} } } = this.#parts;
    const input = join(folder, "input");
    writeFileSync(input, plan.input);
    const limits = { runs: TRIAL_RUNS_MAX, budgetMs: TRIAL_MS };
    const { crash, failure, times } = await this.#trials.run({ input, env, ...limits });
    return crash === undefined && failure === undefined && times.runs > 0
      ? times.medianMs
      : undefined;
  }

  async #measure(runtime: Runtime, target: BenchTarget): Promise<WorkerReport> {
    const worker = nameOf(target);
    try {
      const alone = await this.#with(runtime, target, (bench) => bench.alone());
      const full = await this.#with(runtime, target, (bench) => bench.fullRate(alone));
      return { figures: { ...alone, ...full } };
    } catch (error) {
      if (error instanceof NoWorkerError) {
        return { worker, kind: "no worker", error: error.reasons.join("; ") };
      }
      if (error instanceof BenchJobError) return { worker, kind: "job", error: error.message };
      throw error;
    }
  }

  async #with<T>(
    runtime: Runtime,
    target: BenchTarget,
    measure: (bench: WorkerBench) => Promise<T>,
  ): Promise<T> {
    const bench = this.#current = new WorkerBench(runtime, this.#log, this.#parts.plan, target);
    try {
      return await measure(bench);
    } finally {
      await bench.close();
    }
  }

  #print(reports: readonly WorkerReport[], coreMs: number | undefined): void {
    const measured = reports.flatMap((report) => "figures" in report ? [report.figures] : []);
    if (measured.length > 0) {
      const columns = process.stdout.columns || Infinity;
      writeStdout(`${figuresText(measured, coreMs, columns)}\n\n`);
    }
    for (const figures of measured) writeStdout(`${this.#adviceOn(figures, coreMs)}\n`);
    const { input } = this.#parts;
    const failing = measured.find(({ exitCode }) => exitCode !== 0);
    if (failing) {
      const next = input === undefined
        ? "name an input that the core understands"
        : "look at it with distcomp exec";
      this.#log.warn(
        `the jobs that were measured fail, with exit code ${failing.exitCode}; ${next}`,
      );
    }
    for (const report of reports) {
      if (!("error" in report)) continue;
      const what = report.kind === "job" ? "The job fails on" : "Cannot measure";
      printError(`${what} ${reasonWith(report.worker, report.error)}`);
    }
  }

  #adviceOn(figures: WorkerFigures, coreMs: number | undefined): string {
    return `${printable(figures.worker)}: ${adviceText(figures, costOf(figures, coreMs))}`;
  }
}

/** The reasons why a worker cannot be used begin with its name. */
function reasonWith(worker: string, error: string): string {
  return error.startsWith(`${worker}: `) ? error : `${worker}: ${error}`;
}

function exitCodeOf(reports: readonly WorkerReport[]): number {
  const errors = reports.filter((report) => "error" in report);
  if (errors.length > 0 && errors.every(({ kind }) => kind === "no worker")) {
    return errors.length === reports.length ? ExitCode.noWorker : ExitCode.someFailed;
  }
  const fails = (report: WorkerReport) => "error" in report || report.figures.exitCode !== 0;
  return reports.some(fails) ? ExitCode.someFailed : ExitCode.ok;
}
