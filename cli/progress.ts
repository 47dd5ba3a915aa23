/** What a run shows while it goes on: a bar on a terminal, a line now and then elsewhere. */

// @ts-types="@types/cli-progress"
import cliProgress from "cli-progress";
import process from "node:process";
import { Writable } from "node:stream";
import type { RunStatus } from "../controller/run.ts";
import { formatClock, formatCount, formatNoun, formatRate } from "./format.ts";
import { stderr } from "./stderr.ts";
import { toStderr, type WriteLine } from "./log.ts";

/** The bar is drawn this often. */
const DRAWS_PER_S = 5;

/** Elsewhere a line comes this often: a log of a day's run stays readable. */
const LINE_MS = 5_000;

/** The rate is that of about the last seconds, so that it follows a change. */
const RATE_WINDOW_MS = 10_000;

/** A terminal that does not say how wide it is (or says 0) has at least this many columns. */
const COLUMNS_UNKNOWN = 80;

const BAR_CHARS_MAX = 30;
const BAR_CHARS_MIN = 8;

/** Shows how a run goes. */
export interface Progress {
  /** Writes a line without disturbing what is shown. */
  readonly write: WriteLine;
  /** Leaves the terminal as it was. May be called again; `write` goes on working. */
  stop(): void;
}

/** Shows nothing. */
export function noProgress(): Progress {
  return { write: toStderr, stop: () => {} };
}

/** A bar on the terminal. */
export function barProgress(status: () => RunStatus): Progress {
  const rate = new RecentRate();
  const bars = new cliProgress.MultiBar({
    stream: new Terminal(),
    fps: DRAWS_PER_S,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
    forceRedraw: true, // after a warning the bar has to come back, also when it shows the same
    linewrap: true, // the bar fits into its line; a warning may need several
    // One column stays free: a full last column makes some terminals wrap.
    format: () => {
      const now = status();
      return barLine(now, rate.of(now), (process.stderr.columns || COLUMNS_UNKNOWN) - 1);
    },
  });
  const bar = bars.create(1, 0);
  const timer = setInterval(() => bar.update(0), 1000 / DRAWS_PER_S);
  let isStopped = false;
  return {
    write: (line) => isStopped ? toStderr(line) : bars.log(`${line}\n`),
    stop: () => {
      if (isStopped) return;
      isStopped = true;
      clearInterval(timer);
      bars.update(); // writes the lines that it still holds
      bars.stop();
    },
  };
}

/** The terminal at stderr, for `cli-progress`. */
class Terminal extends Writable {
  readonly isTTY = true;

  get columns(): number {
    return process.stderr.columns;
  }

  override _write(text: Uint8Array | string, _encoding: string, done: () => void): void {
    stderr.push(String(text));
    done();
  }
}

/** A line on stderr every few seconds. */
export function lineProgress(status: () => RunStatus): Progress {
  const rate = new RecentRate();
  const timer = setInterval(() => {
    const now = status();
    toStderr([counted(now), ...details(now, rate.of(now))].join(", "));
  }, LINE_MS);
  return { write: toStderr, stop: () => clearInterval(timer) };
}

/** A line that fits into `columns`: what does not fit is left out, the least important first. */
export function barLine(status: RunStatus, perSecond: number, columns: number): string {
  const parts = [counted(status)];
  for (const detail of details(status, perSecond)) {
    if ([...parts, detail].join("  ").length + BAR_CHARS_MIN + 7 > columns) break;
    parts.push(detail);
  }
  const text = parts.join("  ");
  const part = partDone(status);
  if (part === undefined) return text.slice(0, columns);
  const percent = `${Math.floor(100 * part)}%`.padStart(4);
  const room = columns - text.length - percent.length - 4;
  if (room < BAR_CHARS_MIN) return `${percent}  ${text}`.slice(0, columns);
  const length = Math.min(room, BAR_CHARS_MAX);
  const filled = Math.round(part * length);
  return `${"█".repeat(filled)}${"░".repeat(length - filled)} ${percent}  ${text}`;
}

function partDone({ done, failed, total }: RunStatus): number | undefined {
  if (total === undefined) return undefined;
  return total === 0 ? 1 : Math.min(1, (done + failed) / total);
}

function counted({ done, failed, total }: RunStatus): string {
  const ended = formatCount(done + failed);
  return total === undefined ? `${ended} jobs` : `${ended}/${formatCount(total)} jobs`;
}

/** The rest, the most important first. */
function details(status: RunStatus, perSecond: number): string[] {
  const { failed, total, workers, slots, slotsAreKnown } = status;
  const { skipsLeft } = status; // they will take no time
  const left = total === undefined
    ? undefined
    : Math.max(0, total - status.done - status.failed - skipsLeft);
  return [
    failed > 0 ? `${formatCount(failed)} failed` : "",
    left !== undefined && perSecond > 0 ? `${formatClock((left / perSecond) * 1000)} left` : "",
    perSecond > 0 ? `${formatRate(perSecond)} jobs/s` : "",
    formatNoun(workers, "worker"),
    `${slotsAreKnown ? "" : "≥"}${formatNoun(slots, "slot")}`,
  ].filter((text) => text !== "");
}

/** Jobs a second over about the last ten seconds, without those that earlier runs had done. */
export class RecentRate {
  #from = { ended: 0, elapsedMs: 0 };
  #to = { ended: 0, elapsedMs: 0 };

  of({ done, failed, skippedDone, skippedFailed, elapsedMs }: RunStatus): number {
    const now = { ended: done + failed - skippedDone - skippedFailed, elapsedMs };
    if (now.elapsedMs - this.#to.elapsedMs >= RATE_WINDOW_MS) {
      this.#from = this.#to;
      this.#to = now;
    }
    const spanMs = now.elapsedMs - this.#from.elapsedMs;
    return spanMs <= 0 ? 0 : ((now.ended - this.#from.ended) / spanMs) * 1000;
  }
}
