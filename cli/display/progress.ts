/** The progress of a run: a bar on a terminal, otherwise a line every few seconds. */

import process from "node:process";
import type { RunStatus } from "../../controller/run.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import { isInBackground } from "../../runtime/processes/job_control.ts";
import { liveLine, type Progress } from "../terminal/live_line.ts";
import { toStderr, type WriteLine } from "../terminal/log.ts";
import { RunRate } from "../../watch/run_rate.ts";
import { progressBar, progressText } from "./progress_text.ts";

/** Five times a second looks smooth, and costs nothing. */
const REDRAW_MS = 200;

/** Seldom enough that the log of a run that takes a day stays readable. */
const LINE_MS = 5_000;

/** Shows no progress, for `--quiet`. */
export function noProgress(): Progress {
  return { write: toStderr, suspend: () => {}, stop: () => {} };
}

/** A bar at the bottom of the terminal. */
export function barProgress(status: () => RunStatus, clock: Clock): Progress {
  const rate = new RunRate();
  const text = (columns: number) => {
    const now = status();
    return progressBar(now, rate.of(now), columns);
  };
  return liveLine(text, clock, REDRAW_MS);
}

/** A line on stderr every few seconds. */
export function lineProgress(status: () => RunStatus, clock: Clock): Progress {
  const write: WriteLine = (line) => {
    if (!process.stderr.isTTY || !isInBackground()) toStderr(line);
  };
  const timer = progressLines(status, clock, LINE_MS, write);
  return { write: toStderr, suspend: () => {}, stop: () => timer.stop() };
}

/** Writes a line every `everyMs`. */
export function progressLines(
  status: () => RunStatus,
  clock: Clock,
  everyMs: number,
  write: WriteLine,
): Timer {
  const rate = new RunRate();
  return clock.every(everyMs, () => {
    const now = status();
    write(progressText(now, rate.of(now)));
  });
}
