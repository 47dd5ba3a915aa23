/** `distcomp run`: builds a run from the command line, completes it, and reports the result. */

import type { Outputs } from "../../controller/output/outputs.ts";
import { SinkError } from "../../controller/output/sink_errors.ts";
import { InterruptedError } from "../../controller/run_errors.ts";
import { guardedRuntime } from "../../security/guarded_runtime.ts";
import { silentLog } from "../../system/log.ts";
import { delay } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error_text.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { removeDeadSocket } from "../../system/unix_socket.ts";
import { checkPage, type OpenPage } from "../display/web_page.ts";
import { listenOn } from "../options/listen_option.ts";
import { ExitCode } from "../program/exit_code.ts";
import { shownCommand } from "../program/resume_command.ts";
import { printWarning, toStderr } from "../terminal/log.ts";
import { LogFile } from "../terminal/log_file.ts";
import { Closers } from "./closers.ts";
import { dryRun } from "./dry_run.ts";
import { EndedRunError } from "./ended_run_error.ts";
import type { Interrupts } from "./interrupts.ts";
import type { LaunchedRun } from "./launch.ts";
import { type OpenedRun, openRun, type RunContext } from "./opened_run.ts";
import { afterRun, type Ending } from "./after_run.ts";
import { checkInputs, checkLogOf, namingOf } from "./run_inputs.ts";
import { RunMessages } from "./run_messages.ts";
import { journalOf, openOutputs } from "./run_outputs.ts";
import { planOf, type RunPlan } from "./run_plan.ts";
import { report, type RunEnd } from "./run_report.ts";

/**
 * How long an interrupted run waits for its output folder to be opened and closed again. It takes long to read a
 * huge journal, or to wait for a lock. The next run cleans up what is left.
 */
const OPEN_LIMIT_MS = 5_000;

/** Runs the command. Resolves to the exit status. Rejects if the run cannot begin. */
export async function runCommand(runtime: Runtime, request: LaunchedRun): Promise<number> {
  if (request.flags.dryRun) return await dryRun(runtime, request);
  const { flags, args, early, hint, interrupts, reporter } = request;
  let file: LogFile | undefined;
  let end: RunEnd | undefined;
  let ending: Ending = { code: ExitCode.interrupted, advice: [hint] };
  try {
    await checkLogOf(runtime.files, request);
    if (flags.log !== undefined) file = await LogFile.open(flags.log, runtime.clock);
    file?.write(`the run begins: ${shownCommand(args)}`);
    const { plan, folder } = await open(runtime, request, interrupts, file);
    end = await complete({ runtime, request, plan, folder, interrupts, reporter, file, early });
    ending = report(end, flags, hint);
    return ending.code;
  } catch (error) {
    if (!(error instanceof InterruptedError)) {
      ending = { error };
      throw error;
    }
    toStderr(hint);
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
  request: LaunchedRun,
  interrupts: Interrupts,
  file: LogFile | undefined,
): Promise<{ plan: RunPlan; folder: Outputs }> {
  const warn = (text: string) => {
    printWarning(text);
    file?.write(`warning: ${text}`);
  };
  const plan = await interrupts.race(planOf(request, runtime, warn));
  await interrupts.race(checkInputs(runtime.files, request));
  const { fresh = false, retryFailed = false, keepDone } = request.flags;
  await interrupts.race(checkReach(runtime, request.flags));
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
    if (!(error instanceof InterruptedError)) {
      const isOfEarlier = await isOfEarlierRun(runtime, request, error);
      throw isOfEarlier ? new EndedRunError(error, request.hint) : error;
    }
    const closed = opening.then((folder) => folder.close(), () => {}); // whatever it was, it is not news now
    await Promise.race([closed, delay(runtime.clock, OPEN_LIMIT_MS)]);
    throw error;
  }
}

/**
 * Rejects if the key that the command names cannot be used, or if the run cannot listen where it should, or serve its
 * page. Later, it would have made its output folder, and a key.
 */
async function checkReach(runtime: Runtime, flags: LaunchedRun["flags"]): Promise<void> {
  const { listen, key, insecure } = flags;
  const guard = { role: "controller", key, insecure, log: silentLog } as const; // the run will say what is to be said
  if (key !== undefined) await guardedRuntime(runtime, guard).openKey();
  if (listen) await removeDeadSocket(runtime, listen);
  const listener = listen && listenOn(runtime, listen);
  try {
    await checkPage(runtime, flags);
  } finally {
    listener?.close();
  }
}

/**
 * Whether an error of the system keeps a run from going on where an earlier one has ended. Others are about what is there,
 * such as a pack that is not ours, and say what to do instead.
 */
async function isOfEarlierRun(
  { files }: Runtime,
  { flags }: LaunchedRun,
  error: unknown,
): Promise<boolean> {
  if (!(error instanceof SinkError) || error.cause === undefined || flags.fresh) return false;
  const journal = await files.info(journalOf(flags)).catch(() => undefined); // then no run has ended here
  return journal?.kind === "file" && journal.bytes > 0;
}

/** Completes the run, whether it succeeds or not, and closes all that was opened for it. */
async function complete(context: RunContext): Promise<RunEnd> {
  const { runtime, request, plan, folder, file } = context;
  const messages = new RunMessages(request.flags.quiet ?? false, file, runtime.clock);
  const closers = new Closers();
  const errors: unknown[] = [];
  let opened: OpenedRun | undefined;
  let page: OpenPage | undefined;
  let hasBegun = false;
  closers.add(() => page?.end()); // after all else: who looks at it sees how the run has ended
  closers.add(() => hasBegun ? folder.release() : folder.close());
  try {
    opened = await openRun({ ...context, messages, closers });
    page = await opened.openPage();
    hasBegun = true;
    await opened.run.complete();
    await folder.tidy?.((text) => messages.log.warn(text));
  } catch (error) {
    errors.push(error);
  }
  const status = opened?.run.status;
  errors.push(...await closers.close());
  const [error, ...others] = errors; // what has ended the run goes first
  for (const other of others) messages.log.warn(`and then: ${messageOf(other)}`);
  if (!status) throw error;
  return { status, error, setup: plan.core.setup };
}
