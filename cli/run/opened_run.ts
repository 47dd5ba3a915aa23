/** Builds a run from its plan, with all that shows what it does: its progress, its log, and what others are told of it. */

import os from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { KeptCrashes } from "../../controller/kept_crashes.ts";
import { buildFor } from "../../controller/workers/core_builds.ts";
import type { LocalWorker } from "../../controller/workers/local_worker.ts";
import { PayloadMemory } from "../../controller/workers/payload_memory.ts";
import type { Outputs } from "../../controller/output/outputs.ts";
import { Run, type RunParts } from "../../controller/run.ts";
import { formatAddress, isLoopback } from "../../link/address.ts";
import type { Address, Runtime } from "../../runtime/ports.ts";
import { type GuardedRuntime, guardedRuntime } from "../../security/guarded_runtime.ts";
import { type Role, ROLES } from "../../security/role.ts";
import { hostPlatform } from "../../system/host.ts";
import { isInherited } from "../../system/inherited_variables.ts";
import { LiveRun } from "../../watch/live_run.ts";
import { type RunFacts, RunWatch } from "../../watch/run_watch.ts";
import { barProgress, lineProgress, noProgress, progressLines } from "../display/progress.ts";
import { runStateLines } from "../display/run_state_text.ts";
import { type OpenPage, openPage } from "../display/web_page.ts";
import { warnInsecureRun } from "../options/insecure_warning.ts";
import { slotsWarning } from "../options/slots_warning.ts";
import { withSsh } from "../options/ssh_options.ts";
import { watchWorkers, workerListsOf } from "../options/worker_list.ts";
import { programName } from "../program/resume_command.ts";
import { SOFTWARE } from "../program/version.ts";
import { canShowLine, type Progress } from "../terminal/live_line.ts";
import type { LogFile } from "../terminal/log_file.ts";
import { handleSuspension } from "../terminal/suspension.ts";
import type { Closers } from "./closers.ts";
import { connectHint } from "./connect_hint.ts";
import { type CoreOutputSink, coreOutputSink, withoutCoreLines } from "./core_output.ts";
import { jobsToSkip } from "./doubted_jobs.ts";
import type { Interrupts } from "./interrupts.ts";
import { missedVariables, missedVariablesText } from "./missed_variables.ts";
import { otherFilesText, resumeText } from "./resume_text.ts";
import { sourceOf } from "./run_inputs.ts";
import type { RunMessages } from "./run_messages.ts";
import { coreOutputOf, type RunFlags } from "./run_options.ts";
import { nameOf, rootOf, stateOf } from "./run_outputs.ts";
import { type RunPlan, withoutExcluded } from "./run_plan.ts";
import type { RunRequest } from "./run_request.ts";
import type { StateReporter } from "./state_reporter.ts";
import { RunTimeLimit } from "./run_time_limit.ts";

/** How often the file of `--log` gets the progress. */
const LOGGED_MS = 60_000;

/** What a run is completed with. */
export interface RunContext {
  readonly runtime: Runtime;
  readonly request: RunRequest;
  readonly plan: RunPlan;
  readonly folder: Outputs;
  readonly interrupts: Interrupts;
  readonly reporter: StateReporter;
  readonly file: LogFile | undefined;
  /** The worker on this machine, if it was started before the run. */
  readonly early: LocalWorker | undefined;
}

/** And with what it has opened so far. */
export interface OpeningRun extends RunContext {
  readonly messages: RunMessages;
  /** Closes what is opened for the run, whether it begins or not. */
  readonly closers: Closers;
}

/** A run that can begin. */
export interface OpenedRun {
  readonly run: Run;
  /** Serves the page, if there is one. Rejects if that, or a key that the run needs, is not possible. */
  openPage(): Promise<OpenPage | undefined>;
}

/** Builds the run. */
export async function openRun(opening: OpeningRun): Promise<OpenedRun> {
  const { runtime, request: { flags }, plan, folder, messages, closers } = opening;
  const { log, writePrinted } = messages;
  await warn(opening);
  const { key, insecure } = flags;
  const guarded = guardedRuntime(runtime, { role: "controller", key, insecure, log });
  if (insecure) warnInsecureRun(log);
  const ssh = withSsh(guarded, plan.executables);
  const { files } = folder;
  const printed = coreOutputSink(coreOutputOf(flags), stateOf(flags), files, writePrinted, log);
  const reach = { roles: ROLES };
  const run = runOf(ssh.runtime, opening, printed, reach);
  const watched = new RunWatch(run, factsOf(opening), runtime.clock, messages.lines);
  letOthersAsk(opening, watched);
  if (printed) closers.add(() => printed.close());
  closers.add(() => ssh.end()); // until then, others can ask what the run is doing
  closers.add(() => watched.stop());
  void run.countTotal(); // also for those who look from elsewhere, and later
  showProgress(opening, run);
  limitTime(opening, run);
  followWorkers(opening, run);
  return {
    run,
    openPage: async () => {
      reach.roles = await rolesOfKey(opening, guarded);
      return await pageOf(opening, guarded, watched);
    },
  };
}

/** Says what the user may have overlooked. */
async function warn(
  { runtime, plan, request: { flags }, messages: { log } }: OpeningRun,
): Promise<void> {
  const missed = await missedVariables(plan.core, flags.env ?? {}, isInherited);
  const warnings = [
    missedVariablesText(missed),
    plan.local && slotsWarning(plan.local.slots),
    await otherFilesText(runtime.files, flags), // the journal of this run is still empty
  ];
  for (const warning of warnings) if (warning) log.warn(warning);
}

/** Builds the run itself, and reports what it resumes. `reach`: what its key is for, once it listens. */
function runOf(
  runtime: Runtime,
  opening: OpeningRun,
  printed: CoreOutputSink | undefined,
  reach: { readonly roles: readonly Role[] },
): Run {
  const { request, plan, folder: { sink, journal, resume }, early } = opening;
  const { flags } = request;
  const { log, write } = opening.messages;
  const { listen, maxFailures: failureLimit, quiet } = flags;
  const skipsExpected = resume?.skipsExpected ?? 0;
  const memory = new PayloadMemory();
  const source = sourceOf(runtime.files, request, jobsToSkip(resume, log), log, memory);
  const resuming = resumeText(resume?.past, flags);
  if (resuming && !quiet) write(resuming);
  const onListening = (at: Address) => {
    write(`waiting for workers on ${formatAddress(at)}`);
    if (!quiet) write(connectHint(at, flags, reach.roles));
  };
  const crashes = flags.keepCrashes ? keptCrashes(runtime, opening) : undefined;
  const onPrinted: RunParts["onPrinted"] = (lines) => printed?.onPrinted(lines);
  const onEnded: RunParts["onEnded"] = (name, attempt) => printed?.onEnded(name, attempt);
  const options = { listen, onListening, failureLimit, skipsExpected, early };
  const told = { log: withoutCoreLines(log, printed), onPrinted, onEnded };
  const parts = { source, sink, journal, crashes, ...told, ...options };
  return new Run({ runtime, ...parts, ...plan, options: { ...plan.options, memory } });
}

/** What keeps the crashes of a run. */
function keptCrashes(
  runtime: Runtime,
  { request: { flags }, plan, folder: { files }, messages: { log } }: OpeningRun,
): KeptCrashes {
  return new KeptCrashes({
    files,
    output: rootOf(flags),
    folder: join(stateOf(flags), "crashes"),
    core: buildFor(plan.core, hostPlatform()), // a crash is replayed here
    program: programName(runtime),
    executable: runtime.selfCommand()[0] ?? process.execPath,
    log,
  });
}

/** Answers who asks from another terminal or by a signal, and says where to ask. */
function letOthersAsk(
  { runtime, request: { flags }, reporter, folder: { files }, messages, closers }: OpeningRun,
  watched: RunWatch,
): void {
  const { log, write } = messages;
  const snapshot = () => watched.snapshot();
  const state = stateOf(flags);
  const live = new LiveRun({ runtime, snapshot, state, files, log, variables: process.env });
  closers.add(() => live.close());
  reporter.onRun(() => runStateLines(snapshot()).join("\n"), write);
}

/** Shows the progress, and logs it. */
function showProgress(
  { runtime, request: { flags }, interrupts, file, messages, closers }: OpeningRun,
  run: Run,
): void {
  const progress = messages.progress = startProgress(run, flags, runtime);
  closers.add(() => progress.stop());
  interrupts.onRun(run, messages);
  handleSuspension([progress, run]);
  if (!file) return;
  const logged = progressLines(() => run.status, runtime.clock, LOGGED_MS, file.write);
  closers.add(() => logged.stop());
}

/** Shows a bar on a terminal, and lines elsewhere. */
function startProgress(run: Run, flags: RunFlags, { clock }: Runtime): Progress {
  if (flags.quiet) return noProgress();
  const show = canShowLine() ? barProgress : lineProgress;
  return show(() => run.status, clock);
}

function limitTime(
  { runtime, request: { flags: { timeLimit } }, messages, closers }: OpeningRun,
  run: Run,
): void {
  if (!timeLimit) return;
  const limit = new RunTimeLimit(runtime.clock, timeLimit, run, messages.write);
  closers.add(() => limit.stop());
}

/** Dials other workers when the user changes a list of them. */
function followWorkers(
  { runtime, request: { flags }, plan, messages: { log }, closers }: OpeningRun,
  run: Run,
): void {
  const bySsh = plan.workers.filter(isSsh);
  const onChange = (workers: Address[]) =>
    run.setWorkers([...withoutExcluded(workers, flags), ...bySsh]);
  const watch = watchWorkers(workerListsOf(flags), runtime.clock, onChange, log);
  closers.add(() => watch.stop());
}

/** Opens the key, if others need one to reach the run. Resolves to the roles that it gives. */
async function rolesOfKey(
  { request: { flags: { key, listen } } }: OpeningRun,
  guarded: GuardedRuntime,
): Promise<readonly Role[]> {
  return key !== undefined || (listen && !isLoopback(listen)) ? await guarded.openKey() : ROLES;
}

async function pageOf(
  { request: { flags }, plan: { bearer }, messages: { log, print } }: OpeningRun,
  guarded: GuardedRuntime,
  watched: RunWatch,
): Promise<OpenPage | undefined> {
  const collect = () => watched.snapshot();
  return await openPage(guarded, flags, { role: "controller", collect, log, print, bearer });
}

/** What those who look at the run are told of it. */
function factsOf({ runtime, request: { flags }, plan: { core } }: OpeningRun): RunFacts {
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
