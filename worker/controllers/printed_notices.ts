/** Tells a controller of version 2 what its jobs print, as far as it has asked for it, and within limits. */

import { Buffer } from "node:buffer";
import type { Link } from "../../link/link.ts";
import { type CoreOutputMode, encodeDone, encodePrinted, type Uint64 } from "../../protocol/mod.ts";
import type { Clock } from "../../runtime/clock.ts";
import { SecondBudget } from "../../system/second_budget.ts";
import type { StoredCore } from "../cores/stored_core.ts";
import type { Lines, RelayedJob } from "../job.ts";
import type { CurrentCore } from "./current_core.ts";
import { unreadBytesOf } from "./flow_control.ts";

/** What one job may print. A person reads no more, and a million jobs may fill a disk with it. */
const JOB_BYTES_MAX = 1024 * 1024;

/** What all jobs of a controller may print in a second, so that printing never takes the network from outputs. */
const BYTES_PER_SECOND_MAX = 1024 * 1024;

/** Lines are left out while the controller has more than this unread. */
const UNREAD_BYTES_MAX = 4 * 1024 * 1024;

/** The message id in notices about lines that no job has printed. */
const NO_JOB = 0;

/** Lines for one notice: no more than its limit of 16 KiB, even with three bytes for each character. */
const NOTICE_CHARS = 4 * 1024;

/** What a job has printed so far. */
interface Printed {
  bytes: number;
  leftOut: number;
  /** The last lines of its latest attempt, if its slot was lost. */
  lastLines?: Lines;
}

/** The notices on one connection. */
export class PrintedNotices {
  readonly #clock: Clock;
  readonly #link: Link;
  readonly #current: CurrentCore;
  readonly #byJob = new Map<RelayedJob, Printed>();
  readonly #bytes = new SecondBudget(BYTES_PER_SECOND_MAX);
  readonly #core: Printed = { bytes: 0, leftOut: 0 };
  #mode: CoreOutputMode = "nothing";

  constructor(link: Link, current: CurrentCore, clock: Clock) {
    this.#link = link;
    this.#current = current;
    this.#clock = clock;
  }

  /** The controller says what it wants. Returns the response. */
  onAsked(id: Uint64, mode: CoreOutputMode): Uint8Array<ArrayBuffer> {
    this.#mode = mode;
    return encodeDone(id);
  }

  /** A job has printed lines. */
  onPrinted(job: RelayedJob, lines: Lines): void {
    if (this.#mode !== "all" || this.#link.isClosed) return;
    this.#sendPieces(job.id, this.#of(job), lines);
  }

  /** Sends as many of these lines as the limits allow, and counts the others. */
  #sendPieces(id: Uint64, printed: Printed, lines: Lines): void {
    const isSlow = unreadBytesOf(this.#link) > UNREAD_BYTES_MAX;
    let piece: string[] = [];
    let chars = 0;
    for (const line of lines) {
      if (isSlow || !this.#take(printed, line)) {
        printed.leftOut += 1;
        continue;
      }
      if (chars + line.length > NOTICE_CHARS) {
        this.#sendLines(id, printed, piece);
        [piece, chars] = [[], 0];
      }
      piece.push(line);
      chars += line.length + 1;
    }
    if (piece.length > 0) this.#sendLines(id, printed, piece);
  }

  /** Whether a job that is not answered yet has printed something. */
  get hasJobs(): boolean {
    return this.#byJob.size > 0;
  }

  /** The core has printed lines while it was loaded, or between two jobs. */
  onCorePrinted({ key }: StoredCore, lines: Lines): void {
    if (this.#mode !== "all" || this.#link.isClosed) return;
    if (!this.#current.isReady(key) && this.#current.count === 0) return; // not its core
    this.#sendPieces(NO_JOB, this.#core, lines);
    if (this.#core.leftOut > 0) this.#sendLines(NO_JOB, this.#core, []);
  }

  /** A job is about to be answered. Its last lines go before that if its exit code is not 0. */
  onAnswered(job: RelayedJob, hasFailed: boolean, lastLines: Lines = []): void {
    if (hasFailed && this.#mode !== "nothing") this.#of(job).lastLines = lastLines;
    else if (this.hasJobs) delete this.#byJob.get(job)?.lastLines; // of a lost attempt
    this.#sendLast(job);
  }

  /** The slot of a job is lost, whether the job has failed or runs again. */
  onLost(job: RelayedJob, lastLines: Lines): void {
    if (this.#mode !== "nothing") this.#of(job).lastLines = lastLines;
  }

  /** A job is about to be answered with an error. */
  onFailed(job: RelayedJob): void {
    this.#sendLast(job);
  }

  /** Sends what is left to tell of a job before its answer, and forgets it. */
  #sendLast(job: RelayedJob): void {
    const printed = this.hasJobs ? this.#byJob.get(job) : undefined;
    if (!printed) return;
    this.#byJob.delete(job);
    if (printed.leftOut > 0) this.#sendLines(job.id, printed, []);
    const { lastLines = [] } = printed;
    if (this.#mode === "nothing" || lastLines.length === 0) return;
    this.#send(encodePrinted(job.id, { isLast: true, leftOut: 0, lines: lastLines }));
  }

  #of(job: RelayedJob): Printed {
    const printed = this.#byJob.get(job) ?? { bytes: 0, leftOut: 0 };
    this.#byJob.set(job, printed);
    return printed;
  }

  #send(notice: Uint8Array<ArrayBuffer>): void {
    this.#link.writer.whole(notice);
  }

  #sendLines(id: Uint64, printed: Printed, lines: Lines): void {
    const { leftOut } = printed;
    printed.leftOut = 0;
    this.#send(encodePrinted(id, { isLast: false, leftOut, lines }));
  }

  /** Counts one more line, if the limits allow it. Returns whether they do. */
  #take(printed: Printed, line: string): boolean {
    const bytes = Buffer.byteLength(line) + 1;
    if (printed.bytes + bytes > JOB_BYTES_MAX) return false;
    if (!this.#bytes.take(bytes, this.#clock.now())) return false;
    printed.bytes += bytes;
    return true;
  }
}
