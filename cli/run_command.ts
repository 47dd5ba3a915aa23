/** `distcomp run`: puts a run together from what was typed, and says how it went. */

import os from "node:os";
import process from "node:process";
import type { ClusterOptions } from "../controller/cluster/cluster.ts";
import { type CoreImage, readCoreImage } from "../controller/workers/core_image.ts";
import { SinkError } from "../controller/output/directory_sink.ts";
import { type FailureLimit, TooManyFailuresError } from "../controller/failure_limit.ts";
import { OutputFolder } from "../controller/output/output_folder.ts";
import type { Resume } from "../controller/output/resume.ts";
import { Run, type RunStatus } from "../controller/run.ts";
import { InterruptedError, NoWorkerError } from "../controller/run_errors.ts";
import { checkLines, checkPaths } from "../controller/inputs/check.ts";
import { fileSource } from "../controller/inputs/files.ts";
import { lineSource } from "../controller/inputs/lines.ts";
import { numberSource } from "../controller/inputs/numbers.ts";
import type { Source } from "../controller/inputs/source.ts";
import { DisagreementError } from "../controller/cluster/verification.ts";
import { formatAddress, isLoopback } from "../link/address.ts";
import type { Address, Runtime } from "../runtime/ports.ts";
import { formatNoun } from "./format.ts";
import { programName, toGoOn } from "./resume_command.ts";
import { checkVerify, clusterOptionsOf, type JobFlags } from "./job_options.ts";
import { runLog, toStderr, type WriteLine } from "./log.ts";
import { barProgress, lineProgress, noProgress, type Progress } from "./progress.ts";
import { damageText, resumeText } from "./resume_text.ts";
import { exit } from "./stderr.ts";
import { failuresText, summaryJson, summaryText } from "./summary.ts";
import { ExitCode, readWorkers, UsageError } from "./usage.ts";
import { watchWorkers } from "./worker_file.ts";

/** What was typed behind `run`. */
export interface RunFlags extends JobFlags {
  readonly output: string;
  readonly workers?: string;
  readonly listen?: Address;
  readonly slots?: number;
  readonly lines?: string;
  readonly repeat?: number;
  readonly fresh?: boolean;
  readonly retryFailed?: boolean;
  readonly maxFailures?: FailureLimit;
  readonly insecure?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
  /** All that was typed behind the program's name. */
  readonly typed: readonly string[];
}

/** Runs `coreFile` on what was named. Resolves to the exit status; rejects with a sentence for people. */
export async function runCommand(
  runtime: Runtime,
  coreFile: string,
  inputs: readonly string[],
  flags: RunFlags,
  canWork = true,
): Promise<number> {
  const plan = await planOf(coreFile, flags, canWork);
  const show = { progress: noProgress() };
  const write: WriteLine = (line) => show.progress.write(line);
  const log = runLog(write, flags.quiet ?? false);
  await checkInputs(inputs, flags);
  const { fresh = false, retryFailed = false, listen, maxFailures: failureLimit } = flags;
  const options = { core: plan.core.key, fresh, retryFailed };
  const folder = await OutputFolder.open(runtime, flags.output, options);
  const { sink, journal, resume } = folder;
  const skipsExpected = resume?.skipsExpected ?? 0;
  // Where none is expected, not even the question is worth its time.
  const asked = skipsExpected > 0 ? resume : undefined;
  const source = sourceOf(inputs, flags, asked, (text) => log.warn(text));
  for (const text of damageText(resume)) log.warn(text);
  const resuming = resumeText(folder, retryFailed);
  if (resuming && !flags.quiet) write(resuming);
  const onListening = (at: Address) => write(`waiting for workers on ${formatAddress(at)}`);
  const parts = { source, sink, journal, log, listen, onListening, failureLimit, skipsExpected };
  const run = new Run({ runtime, ...parts, ...plan });
  show.progress = startProgress(run, flags);
  const stopListening = onInterrupt(run, show.progress);
  const stopWatching = watchWorkers(workerList(flags), (workers) => run.setWorkers(workers), log);
  let error: unknown;
  try {
    await run.complete();
  } catch (caught) {
    error = caught;
  } finally {
    stopListening();
    stopWatching();
    show.progress.stop();
    await folder.release();
  }
  const goOn = toGoOn(flags.typed, inputsOnStdin(inputs, flags), programName(runtime));
  return report(run.status, flags, error, goOn);
}

/** What a run needs beside its inputs and outputs. */
interface Plan {
  readonly core: CoreImage;
  readonly options: ClusterOptions;
  readonly workers: readonly Address[];
  readonly localSlots: number | undefined;
}

async function planOf(coreFile: string, flags: RunFlags, canWork: boolean): Promise<Plan> {
  const list = workerList(flags);
  const workers = list === "" ? [] : await readWorkers(list);
  const isLocal = workers.length === 0 && !flags.listen;
  if (isLocal && !canWork) {
    throw new UsageError(
      "This executable runs no jobs itself; name workers with --workers or --listen",
    );
  }
  if (!isLocal && flags.slots !== undefined) {
    throw new UsageError(
      "--slots is for a run on this machine alone; give it to the workers: distcomp worker --slots N",
    );
  }
  if (flags.listen && !isLoopback(flags.listen) && !flags.insecure) {
    throw new UsageError(
      `Whoever connects to ${formatAddress(flags.listen)} would get the core and the inputs and ` +
        "could answer anything; if the network is trusted, add --insecure",
    );
  }
  checkVerify(flags, workers.length, flags.listen !== undefined);
  return {
    core: await readCoreImage(coreFile, isLocal),
    options: clusterOptionsOf(flags),
    workers,
    localSlots: isLocal ? flags.slots ?? os.availableParallelism() : undefined,
  };
}

function workerList({ workers }: RunFlags): string {
  return workers ?? process.env.DISTCOMP_WORKERS ?? "";
}

/** Sees that there are inputs of one kind, and that they can be inputs. */
async function checkInputs(inputs: readonly string[], flags: RunFlags): Promise<void> {
  const kinds = [inputs.length > 0, flags.lines !== undefined, flags.repeat !== undefined];
  const named = kinds.filter((kind) => kind).length;
  if (named !== 1) {
    throw new UsageError(
      named === 0
        ? "There are no inputs; name files or folders, or use --lines FILE or --repeat N"
        : "Inputs are files and folders, or --lines FILE, or --repeat N: one of the three",
    );
  }
  if (flags.lines === undefined) await checkPaths(inputs, flags.output);
  else await checkLines(flags.lines, flags.output);
}

function sourceOf(
  inputs: readonly string[],
  flags: RunFlags,
  finished: Resume | undefined,
  warn: (text: string) => void,
): Source {
  if (flags.repeat !== undefined) return numberSource(flags.repeat, finished);
  if (flags.lines !== undefined) return lineSource(flags.lines, finished);
  return fileSource(inputs, flags.output, warn, finished);
}

/** What would have to be given again on stdin, if anything. */
function inputsOnStdin(inputs: readonly string[], flags: RunFlags): "list" | "lines" | undefined {
  if (flags.lines === "-") return "lines";
  return inputs.includes("-") ? "list" : undefined;
}

function startProgress(run: Run, flags: RunFlags): Progress {
  if (flags.quiet) return noProgress();
  void run.countTotal();
  return process.stderr.isTTY ? barProgress(() => run.status) : lineProgress(() => run.status);
}

/** The first Ctrl-C lets what runs finish, the second tidies up and no more, the third not even that. */
function onInterrupt(run: Run, progress: Progress): () => void {
  let count = 0;
  const handler = () => {
    count += 1;
    if (count === 2) return run.abandon();
    if (count > 2) {
      progress.stop();
      return void exit(ExitCode.interrupted);
    }
    run.interrupt();
    const { inFlight, slots, slotsAreKnown } = run.status;
    const running = slotsAreKnown ? Math.min(inFlight, slots) : inFlight;
    if (running > 0) {
      const jobs = formatNoun(running, "running job");
      progress.write(`finishing ${jobs}; interrupt again to stop at once`);
    }
  };
  process.on("SIGINT", handler);
  process.on("SIGTERM", handler);
  return () => {
    process.off("SIGINT", handler);
    process.off("SIGTERM", handler);
  };
}

function report(status: RunStatus, flags: RunFlags, error: unknown, goOn: string): number {
  const message = error instanceof Error ? error.message : undefined;
  if (flags.json) process.stdout.write(`${summaryJson(status, flags.output, message)}\n`);
  else if (!flags.quiet && !(error && status.done + status.failed === 0)) {
    process.stdout.write(`${summaryText(status, flags.output)}\n`);
  }
  if (error instanceof InterruptedError) {
    if (!flags.quiet) toStderr(goOn);
    return ExitCode.interrupted;
  }
  if (error instanceof TooManyFailuresError) {
    const next = error.wasStopped ? goOn : "--retry-failed runs them again";
    toStderr(`distcomp: ${error.message}; ${next}`);
    return ExitCode.someFailed;
  }
  if (error instanceof NoWorkerError) {
    toStderr(`distcomp: ${error.message}`);
    if (status.done > 0 && !flags.quiet) toStderr(goOn);
    return ExitCode.noWorker;
  }
  if (error instanceof SinkError) {
    toStderr(`distcomp: ${error.message}`);
    if (status.done > 0 && !flags.quiet) toStderr(goOn);
    return ExitCode.usage;
  }
  if (error instanceof DisagreementError) {
    toStderr(`distcomp: ${error.message}`);
    return ExitCode.someFailed;
  }
  if (error) throw error;
  if (flags.quiet && status.failed > 0) toStderr(`distcomp: ${failuresText(status, flags.output)}`);
  return status.failed > 0 ? ExitCode.someFailed : ExitCode.ok;
}
