/** Flow control of a connection: it bounds what a controller sends before it is answered, and what it leaves unread. */

import {
  UNANSWERED_BYTES_MAX,
  UNANSWERED_CORES_MAX,
  UNANSWERED_JOBS_MAX,
  UNANSWERED_PARTS_MAX,
} from "../../protocol/mod.ts";

/** While a controller has more than this unread, none of its jobs are started. */
const UNREAD_BYTES_MAX = 64 * 1024 * 1024;

/** While it leaves this much unread, nothing more is read from it: refused jobs are answered without being run. */
const UNREAD_BYTES_LIMIT = 2 * UNREAD_BYTES_MAX;

/** A paused connection is read again once it is within this fraction of all bounds. */
const RESUME_PART = 1 / 2;

/** Messages that are not answered yet. */
interface Unanswered {
  readonly count: number;
  readonly bytes: number;
}

/** What a connection holds for its controller at the moment. */
export interface ConnectionBacklog {
  readonly jobs: Unanswered;
  /** Cores that are loading. */
  readonly cores: Unanswered;
  /** Parts of files that are being written. */
  readonly parts: Unanswered;
  /** Bytes of answers that the controller has not read. A huge output is still in its slot, not here. */
  readonly unreadBytes: number;
}

/** A link, as far as it says what it has not sent. */
interface SendingLink {
  readonly pendingBytes: number;
  readonly compression: { readonly sourceBytes: number };
}

/** Bytes of what a link has not sent yet, without those of huge outputs, which are still in their slots. */
export function unreadBytesOf({ pendingBytes, compression }: SendingLink): number {
  return pendingBytes - compression.sourceBytes;
}

/** What a connection holds: jobs, cores, parts of files, and what `link` has not sent yet. */
export function backlogOf(
  jobs: Unanswered,
  cores: Unanswered,
  parts: Unanswered,
  link: SendingLink,
): ConnectionBacklog {
  return {
    jobs,
    cores,
    parts,
    get unreadBytes() {
      return unreadBytesOf(link);
    },
  };
}

/** What flow control does. */
export interface FlowActions {
  /** Stops or resumes reading. */
  pause(isPaused: boolean): void;
  /** Stops or resumes starting the controller's jobs. */
  block(isBlocked: boolean): void;
}

/** The flow control of one connection. */
export class FlowControl {
  readonly #backlog: ConnectionBacklog;
  readonly #actions: FlowActions;
  #isPaused = false;
  #isBlocked = false;
  #isSqueezed = false;
  /** Set when the worker drains. */
  #draining: { readonly mayRead: boolean } | undefined;

  constructor(backlog: ConnectionBacklog, actions: FlowActions) {
    this.#backlog = backlog;
    this.#actions = actions;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get isDraining(): boolean {
    return this.#draining !== undefined;
  }

  /** The backlog has grown: a message was received, or a frame was written. */
  onGrown(): void {
    if (!this.#isPaused && isOver(this.#backlog, 1)) this.#setPaused(true);
  }

  /** The answer to a job was written. */
  onAnswerWritten(): void {
    if (!this.#draining && this.#backlog.unreadBytes > UNREAD_BYTES_MAX) this.#setBlocked(true);
  }

  /** A job was answered, or a core has loaded or failed. */
  onShrunk(): void {
    if (this.#isPaused) this.#resume();
  }

  /** Everything that was written has been handed to the system. */
  onDrained(): void {
    this.#setBlocked(false);
    this.onShrunk();
  }

  /**
   * All connections of the worker together hold too much, and this one more than its share. Its jobs go on unless it
   * is their answers that it does not read.
   */
  squeeze(isSqueezed: boolean, shareBytes: number): void {
    if (isSqueezed && !this.#draining && this.#backlog.unreadBytes > shareBytes / 2) {
      this.#setBlocked(true);
    }
    if (isSqueezed === this.#isSqueezed) return;
    this.#isSqueezed = isSqueezed;
    if (isSqueezed) this.#setPaused(true);
    else this.#resume();
  }

  /**
   * The worker drains. Jobs that are still started have run before, on a slot that was lost: they must run
   * again even if their answers are not read. `mayRead`: whether further jobs can be refused.
   */
  drain(mayRead: boolean): void {
    this.#draining = { mayRead };
    this.#setBlocked(false);
    if (!mayRead) this.#setPaused(true);
  }

  #resume(): void {
    if (this.#draining?.mayRead === false) return;
    this.#setPaused(this.#isSqueezed || isOver(this.#backlog, RESUME_PART));
  }

  #setPaused(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    this.#actions.pause(isPaused);
  }

  #setBlocked(isBlocked: boolean): void {
    if (isBlocked === this.#isBlocked) return;
    this.#isBlocked = isBlocked;
    this.#actions.block(isBlocked);
  }
}

/** A single job, core or part may be larger than the bound on bytes. */
function isOver({ jobs, cores, parts, unreadBytes }: ConnectionBacklog, part: number): boolean {
  const bytes = jobs.bytes + cores.bytes + parts.bytes;
  return jobs.count > part * UNANSWERED_JOBS_MAX ||
    cores.count > UNANSWERED_CORES_MAX ||
    parts.count > part * UNANSWERED_PARTS_MAX ||
    (jobs.count + cores.count + parts.count > 1 && bytes > part * UNANSWERED_BYTES_MAX) ||
    unreadBytes > part * UNREAD_BYTES_LIMIT;
}
