/** `distcomp run`: builds a run from the command line, completes it, and reports the result. */

import os from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { KeptCrashes } from "../../controller/kept_crashes.ts";
import { buildFor } from "../../controller/workers/core_builds.ts";
import { PayloadMemory } from "../../controller/workers/payload_memory.ts";
import type { LocalWorker } from "../../controller/workers/local_worker.ts";
import type { Outputs } from "../../controller/output/outputs.ts";
import { Run, type RunParts } from "../../controller/run.ts";
import { formatAddress, isLoopback } from "../../link/address.ts";
import { delay } from "../../runtime/clock.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";
import type { Address, Runtime } from "../../runtime/ports.ts";
import type { Log } from "../../system/log.ts";
import { InterruptedError } from "../../controller/run_errors.ts";
import { guardedRuntime } from "../../security/guarded_runtime.ts";
import { hostPlatform } from "../../system/host.ts";
import { isInherited } from "../../system/inherited_variables.ts";
import { removeDeadSocket } from "../../system/unix_socket.ts";
import { missedVariables, missedVariablesText } from "./missed_variables.ts";
import { type CoreOutputSink, coreOutputSink } from "./core_output.ts";
import { connectHint } from "./connect_hint.ts";
import { dryRun } from "./dry_run.ts";
import { ExitCode } from "../program/exit_code.ts";
import { slotsWarning } from "../options/slots_warning.ts";
import { warnInsecureRun } from "../options/insecure_warning.ts";
import type { Interrupts } from "./interrupts.ts";
import { toStderr, type WriteLine } from "../terminal/log.ts";
import { canShowLine, type Progress } from "../terminal/live_line.ts";
import { LogFile } from "../terminal/log_file.ts";
import { barProgress, lineProgress, noProgress, progressLines } from "../display/progress.ts";
import { programName, shownCommand } from "../program/resume_command.ts";
import { damageText, resumeText } from "./resume_text.ts";
import { checkInputs, namingOf, sourceOf } from "./run_inputs.ts";
import { coreOutputOf, type RunFlags } from "./run_options.ts";
import { nameOf, openOutputs, rootOf, stateOf } from "./run_outputs.ts";
import { planOf, type RunPlan, withoutExcluded } from "./run_plan.ts";
import { LiveRun } from "../../watch/live_run.ts";
import { type RunFacts, RunWatch } from "../../watch/run_watch.ts";
import { afterRun, type Ending } from "./after_run.ts";
import { RunMessages } from "./run_messages.ts";
import { report, type RunEnd } from "./run_report.ts";
import type { LaunchedRun } from "./launch.ts";
import type { RunRequest } from "./run_request.ts";
import { withSsh } from "../options/ssh_options.ts";
import type { StateReporter } from "./state_reporter.ts";
import { RunTimeLimit } from "./run_time_limit.ts";
import { handleSuspension } from "../terminal/suspension.ts";
import { SOFTWARE } from "../program/version.ts";
import { type OpenPage, openPage } from "../display/web_page.ts";
import { watchWorkers, workerListsOf } from "../options/worker_list.ts";

/**
 * How long an interrupted run waits for its output folder to be opened and closed again. It takes long to read a
 * huge journal, or to wait for a lock. The next run cleans up what is left.
 */
const OPEN_LIMIT_MS = 1_000;

/** How often the file of `--log` gets the progress. */
const LOGGED_MS = 60_000;

/** Runs the command. Resolves to the exit status. Rejects if the run cannot begin. */
export async function runCommand(runtime: Runtime, request: LaunchedRun): Promise<number> {
  if (request.flags.dryRun) return await dryRun(runtime, request);
  const { flags, args, early, hint, interrupts, reporter } = request;
  let file: LogFile | undefined;
  let end: RunEnd | undefined;
  let ending: Ending = { code: ExitCode.interrupted };
  try {
    if (flags.log !== undefined) file = await LogFile.open(flags.log, runtime.clock);
    file?.write(`the run begins: ${shownCommand(args)}`);
    const { plan, folder } = await open(runtime, request, interrupts);
    end = await complete(runtime, request, {
      ...{ plan, folder, interrupts, reporter, file, early },
    });
    ending = { code: report(end, flags, hint) };
    return ending.code;
  } catch (error) {
    if (!(error instanceof InterruptedError)) {
      ending = { error };
      throw error;
    }
    if (!flags.quiet) toStderr(hint);
    return ExitCode.interrupted;
  } finally {
    await early?.close();
    interrupts.onReported();
    await afterRun(runtime, flags, file, end, ending);
  }
}

/** Reads what the command line names, and takes the output folder. Rejects if it is interrupted. */
async function open(
  runtime: Runtime,
  request: RunRequest,
  interrupts: Interrupts,
): Promise<{ plan: RunPlan; folder: Outputs }> {
  const plan = await interrupts.race(planOf(request, runtime));
  await interrupts.race(checkInputs(runtime.files, request));
  const { listen, fresh = false, retryFailed = false, keepDone } = request.flags;
  if (listen) await interrupts.race(removeDeadSocket(runtime, listen));
  const options = {
    core: plan.core.key,
    fresh,
    retryFailed,
    keepDone,
    numbering: namingOf(request.flags),
  };
  const opening = openOutputs(runtime, request.flags, options);
  try {
    return { plan, folder: await interrupts.race(opening) };
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    const closed = opening.then((folder) => folder.close(), () => {}); // whatever it was, it is no news now
    await Promise.race([closed, delay(runtime.clock, OPEN_LIMIT_MS)]);
    throw error;
  }
}

/** What a run is completed with. */
interface RunContext {
  readonly plan: RunPlan;
  readonly folder: Outputs;
  readonly interrupts: Interrupts;
  readonly reporter: StateReporter;
  readonly file: LogFile | undefined;
  /** The worker on this machine, if it was started before the run. */
  readonly early: LocalWorker | undefined;
}

/** Completes the run, whether it succeeds or not, and releases the output folder. */
async function complete(
  runtime: Runtime,
  request: RunRequest,
  { plan, folder, interrupts, reporter, file, early }: RunContext,
): Promise<RunEnd> {
  const { flags } = request;
  const messages = new RunMessages(flags.quiet ?? false, file, runtime.clock);
  const { log, write } = messages;
  const missed = await missedVariables(plan.core, flags.env ?? {}, isInherited);
  const warnings = [missedVariablesText(missed), plan.local && slotsWarning(plan.local.slots)];
  for (const warning of warnings) if (warning) log.warn(warning);
  const { writePrinted } = messages;
  const printed = coreOutputSink(
    coreOutputOf(flags),
    stateOf(flags),
    folder.files,
    writePrinted,
    log,
  );
  const { key, insecure, listen } = flags;
  const guarded = guardedRuntime(runtime, { role: "controller", key, insecure, log });
  if (insecure) warnInsecureRun(log);
  const ssh = withSsh(guarded, plan.executables);
  const run = runOf(ssh.runtime, request, { plan, folder, early }, log, write, printed);
  const progress = messages.progress = startProgress(run, flags, runtime);
  const logged = file && progressLines(() => run.status, runtime.clock, LOGGED_MS, file.write);
  interrupts.onRun(run, progress);
  const watched = new RunWatch(run, factsOf(runtime, flags, plan), runtime.clock, messages.lines);
  const snapshot = () => watched.snapshot();
  reporter.onRun(watched, write);
  const { files } = folder;
  const live = new LiveRun({
    runtime,
    snapshot,
    state: stateOf(flags),
    files,
    log,
    variables: process.env,
  });
  const { timeLimit } = flags;
  const limit = timeLimit && new RunTimeLimit(runtime.clock, timeLimit, run, write);
  handleSuspension([progress, run]);
  const watch = watchWorkers(
    workerListsOf(flags),
    runtime.clock,
    (workers) =>
      run.setWorkers([...withoutExcluded(workers, flags), ...plan.workers.filter(isSsh)]),
    log,
  );
  let page: OpenPage | undefined;
  let hasBegun = false;
  try {
    if (key !== undefined || (listen && !isLoopback(listen))) await guarded.openKey();
    page = await openPage(guarded, flags, {
      role: "controller",
      collect: snapshot,
      log,
      print: messages.print,
    });
    hasBegun = true;
    await run.complete();
    await folder.tidy?.((text) => log.warn(text));
    return { status: run.status, error: undefined, setup: plan.core.setup };
  } catch (error) {
    return { status: run.status, error, setup: plan.core.setup };
  } finally {
    watch.stop();
    if (limit) limit.stop();
    logged?.stop();
    watched.stop();
    progress.stop();
    await ssh.end();
    await printed?.close();
    await live.close();
    await (hasBegun ? folder.release() : folder.close());
    await page?.end();
  }
}

/** Builds the run, and reports what it resumes. */
function runOf(
  runtime: Runtime,
  request: RunRequest,
  { plan, folder: { files, sink, journal, resume }, early }: Pick<
    RunContext,
    "plan" | "folder" | "early"
  >,
  log: Log,
  write: WriteLine,
  printed: CoreOutputSink | undefined,
): Run {
  const { flags } = request;
  const { listen, maxFailures: failureLimit, quiet } = flags;
  const { keepCrashes = false } = flags;
  const skipsExpected = resume?.skipsExpected ?? 0;
  // If the journal has no job to skip, do not look up each input in it.
  const finished = skipsExpected > 0 ? resume : undefined;
  const memory = new PayloadMemory();
  const source = sourceOf(runtime.files, request, finished, log, memory);
  for (const text of damageText(resume)) log.warn(text);
  const resuming = resumeText(resume, flags);
  if (resuming && !quiet) write(resuming);
  const onListening = (at: Address) => {
    write(`waiting for workers on ${formatAddress(at)}`);
    if (!quiet) write(connectHint(at, flags));
  };
  const crashes = keepCrashes ? keptCrashes(runtime, files, flags, plan, log) : undefined;
  const onPrinted: RunParts["onPrinted"] = (lines) => printed?.onPrinted(lines);
  const options = { listen, onListening, failureLimit, skipsExpected, early };
  const parts = { source, sink, journal, log, crashes, onPrinted, ...options };
  return new Run({ runtime, ...parts, ...plan, options: { ...plan.options, memory } });
}

/** What keeps the crashes of a run. */
function keptCrashes(
  runtime: Runtime,
  files: FolderFiles,
  flags: RunFlags,
  { core }: RunPlan,
  log: Log,
): KeptCrashes {
  return new KeptCrashes({
    files,
    output: rootOf(flags),
    folder: join(stateOf(flags), "crashes"),
    core: buildFor(core, hostPlatform()), // a crash is replayed here
    program: programName(runtime),
    executable: runtime.selfCommand()[0] ?? process.execPath,
    log,
  });
}

/** Shows a bar on a terminal, and lines elsewhere. */
function startProgress(run: Run, flags: RunFlags, { clock }: Runtime): Progress {
  if (flags.quiet) return noProgress();
  void run.countTotal();
  const show = canShowLine() ? barProgress : lineProgress;
  return show(() => run.status, clock);
}

/** What those who look at the run are told of it. */
function factsOf(runtime: Runtime, flags: RunFlags, { core }: RunPlan): RunFacts {
  const { listen } = flags;
  return {
    software: SOFTWARE,
    runtime: runtime.name,
    host: os.hostname(),
    pid: process.pid,
    core: { name: core.name, sha256: core.key },
    output: resolve(nameOf(flags)),
    ...(listen?.kind === "tcp" && listen.port > 0 ? { listen: formatAddress(listen) } : {}),
  };
}

function isSsh({ kind }: Address): boolean {
  return kind === "ssh";
}
