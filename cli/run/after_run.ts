/** What follows a run: the last lines of its log, and the command of `--notify`. */

import { messageOf } from "../../runtime/error_text.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { KeyError } from "../../security/key_error.ts";
import { printable } from "../../system/format.ts";
import { ExitCode } from "../program/exit_code.ts";
import { toStderr } from "../terminal/log.ts";
import type { LogFile } from "../terminal/log_file.ts";
import { notify } from "./notify.ts";
import type { RunFlags } from "./run_options.ts";
import { journalOf, nameOf } from "./run_outputs.ts";
import { EndedRunError } from "./ended_run_error.ts";
import type { Reported, RunEnd } from "./run_report.ts";
import { summaryText } from "../display/summary.ts";

/** How a run has ended: with an exit status, or with an error that the command line reports. */
export type Ending = Reported | { readonly error: unknown };

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
  for (const text of [summary, ...adviceOf(ending)]) if (text !== "") file?.write(text);
  file?.write(`the run has ended with status ${code}`);
  if (flags.notify !== undefined) {
    const news = { code, status: end?.status, outputs: nameOf(flags), summary };
    const write = (line: string) => {
      toStderr(line);
      file?.write(line);
    };
    await notify(runtime, flags.notify, news, write);
  }
  const warning = await file?.close();
  if (warning !== undefined) toStderr(printable(warning));
}

function codeOf(ending: Ending): number {
  if ("code" in ending) return ending.code;
  return ending.error instanceof KeyError ? ExitCode.noWorker : ExitCode.usage;
}

function adviceOf(ending: Ending): readonly string[] {
  if ("advice" in ending) return ending.advice;
  return ending.error instanceof EndedRunError ? [ending.error.resumeHint] : [];
}

function summaryOf(flags: RunFlags, end: RunEnd | undefined, thrown: unknown): string {
  const error = end?.error ?? thrown;
  const reason = error === undefined ? [] : [messageOf(error)];
  if (!end || (error && end.status.done + end.status.failed === 0)) return reason.join();
  const { status, setup } = end;
  const text = summaryText(status, nameOf(flags), setup, journalOf(flags), flags.fresh);
  return [text, ...reason].join("\n");
}
