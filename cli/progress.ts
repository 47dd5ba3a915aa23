/** The progress of a run: a bar on a terminal, otherwise a line every few seconds. */

import process from "node:process";
import type { RunStatus } from "../controller/run.ts";
import type { Clock } from "../runtime/clock.ts";
import { isInBackground } from "../runtime/job_control.ts";
import { toStderr, type WriteLine } from "./log.ts";
import { progressBar, progressText } from "./progress_text.ts";
import { RecentRate } from "./recent_rate.ts";
import { StatusLine, type Terminal } from "./status_line.ts";
import { stderr } from "./stderr.ts";
import type { Suspendable } from "./suspension.ts";

/** Five times a second looks smooth, and costs nothing. */
const REDRAW_MS = 200;

/** Seldom enough that the log of a run that takes a day stays readable. */
const LINE_MS = 5_000;

/** The assumed width of a terminal that reports no width, or 0. */
const COLUMNS_UNKNOWN = 80;

/** Columns that stay free: a terminal echoes Ctrl-C as `^C` after the bar, which must not wrap the line. */
const FREE_COLUMNS = 3;

/** Shows the progress of a run. */
export interface Progress extends Suspendable {
  /** Writes a line above the progress bar, if there is one. */
  readonly write: WriteLine;
  /** Removes the bar. May be called again; `write` still works. */
  stop(): void;
}

/** Shows no progress, for `--quiet`. */
export function noProgress(): Progress {
  return { write: toStderr, suspend: () => {}, stop: () => {} };
}

/** A bar at the bottom of the terminal. */
export function barProgress(status: () => RunStatus, clock: Clock): Progress {
  const rate = new RecentRate();
  const terminal = terminalAtStderr();
  const line = new StatusLine(terminal);
  let isShown = true;
  const draw = () => {
    const now = status();
    const perSecond = rate.of(now);
    if (!isShown || stderr.isBusy) return; // a slow terminal gets fewer redraws, not a queue of them
    if (isInBackground()) return; // the line belongs to another program
    line.show(progressBar(now, perSecond, terminal.columns - FREE_COLUMNS));
  };
  const timer = clock.every(REDRAW_MS, draw);
  const hide = () => {
    isShown = false;
    line.clear();
  };
  return {
    write: (text) => line.writeAbove(text),
    // The next redraw shows it again: until then, the size of the window is not known anew.
    suspend: (isSuspended) => isSuspended ? hide() : void (isShown = true),
    stop: () => {
      timer.stop();
      hide();
    },
  };
}

/** A line on stderr every few seconds. */
export function lineProgress(status: () => RunStatus, clock: Clock): Progress {
  const rate = new RecentRate();
  const timer = clock.every(LINE_MS, () => {
    const now = status();
    const perSecond = rate.of(now);
    if (process.stderr.isTTY && isInBackground()) return;
    toStderr(progressText(now, perSecond));
  });
  return { write: toStderr, suspend: () => {}, stop: () => timer.stop() };
}

function terminalAtStderr(): Terminal {
  return {
    get columns(): number {
      return process.stderr.columns || COLUMNS_UNKNOWN;
    },
    write: (text) => stderr.write(text),
  };
}
