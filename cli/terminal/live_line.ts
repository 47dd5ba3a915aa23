/** A line at the bottom of the terminal that is drawn anew while it changes; other lines appear above it. */

import process from "node:process";
import type { Clock } from "../../runtime/clock.ts";
import { isInBackground } from "../../runtime/processes/job_control.ts";
import type { WriteLine } from "./log.ts";
import { StatusLine, type Terminal } from "./status_line.ts";
import { stderr } from "./stderr.ts";
import type { Suspendable } from "./suspension.ts";

/** The assumed width of a terminal that reports no width, or 0. */
const COLUMNS_UNKNOWN = 80;

/** Columns that stay free: a terminal echoes Ctrl-C as `^C` after the line, which must not wrap it. */
const FREE_COLUMNS = 3;

/** Shows how something goes on. */
export interface Progress extends Suspendable {
  /** Writes a line above the one at the bottom, if there is one. */
  readonly write: WriteLine;
  /** Removes the line at the bottom. May be called again; `write` still works. */
  stop(): void;
}

/** Whether stderr is a terminal that can show such a line. A dumb one does not understand its escape sequences. */
export function canShowLine(): boolean {
  return process.stderr.isTTY && process.env.TERM !== "dumb";
}

/** Draws `text(columns)` every `everyMs`. */
export function liveLine(
  text: (columns: number) => string,
  clock: Clock,
  everyMs: number,
): Progress {
  const terminal = terminalAtStderr();
  const line = new StatusLine(terminal);
  let isShown = true;
  const draw = () => {
    const now = text(terminal.columns - FREE_COLUMNS);
    if (!isShown || stderr.isBusy) return; // a slow terminal gets fewer redraws, not a queue of them
    if (isInBackground()) return; // the bottom of the terminal belongs to another program
    line.show(now);
  };
  const timer = clock.every(everyMs, draw);
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

function terminalAtStderr(): Terminal {
  return {
    get columns(): number {
      return process.stderr.columns || COLUMNS_UNKNOWN;
    },
    write: (text) => stderr.write(text),
  };
}
