/** What follows a run: the last lines of its log, and the command of `--notify`. */

import { messageOf } from "../../runtime/error_text.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { KeyError } from "../../security/key_error.ts";
import { ExitCode } from "../program/exit_code.ts";
import { toStderr } from "../terminal/log.ts";
import type { LogFile } from "../terminal/log_file.ts";
import { notify } from "./notify.ts";
import type { RunFlags } from "./run_options.ts";
import { journalOf, nameOf } from "./run_outputs.ts";
import type { RunEnd } from "./run_report.ts";
import { summaryText } from "../display/summary.ts";

/** How a run has ended: with an exit status, or with an error that the command line reports. */
export type Ending = { readonly code: number } | { readonly error: unknown };

/** Completes the log, and runs the command. `end`: how the run has ended, if it had begun. */
export async function afterRun(
  runtime: Runtime,
  flags: RunFlags,
  file: LogFile | undefined,
  end: RunEnd | undefined,
  ending: Ending,
): Promise<void> {
  if (!file && flags.notify === undefined) return;
  const code = codeOf(ending);
  const summary = summaryOf(flags, end, "error" in ending ? ending.error : undefined);
  if (summary !== "") file?.write(summary);
  file?.write(`the run has ended with status ${code}`);
  if (flags.notify !== undefined) {
    const news = { code, status: end?.status, outputs: nameOf(flags), summary };
    await notify(runtime, flags.notify, news, toStderr);
  }
  const warning = await file?.close();
  if (warning !== undefined) toStderr(warning);
}

function codeOf(ending: Ending): number {
  if ("code" in ending) return ending.code;
  return ending.error instanceof KeyError ? ExitCode.noWorker : ExitCode.usage;
}

function summaryOf(flags: RunFlags, end: RunEnd | undefined, thrown: unknown): string {
  const error = end?.error ?? thrown;
  const reason = error === undefined ? [] : [messageOf(error)];
  if (!end || (error && end.status.done + end.status.failed === 0)) return reason.join();
  const { status, setup } = end;
  const text = summaryText(status, nameOf(flags), setup, journalOf(flags), flags.fresh);
  return [text, ...reason].join("\n");
}
