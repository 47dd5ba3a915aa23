/** Bounds what a worker holds for one controller: pauses reading its connection, and blocks its jobs. */

import {
  UNANSWERED_BYTES_MAX,
  UNANSWERED_CORES_MAX,
  UNANSWERED_JOBS_MAX,
} from "../../protocol/mod.ts";

/** While a controller has more than this unread, none of its jobs are started. */
const UNREAD_BYTES_MAX = 64 * 1024 * 1024;

/** While it has more than this unread, its connection is not read: even a job that is refused adds an answer. */
const UNREAD_BYTES_LIMIT = 2 * UNREAD_BYTES_MAX;

/** A paused connection is read again once its backlog is below this part of each bound. */
const RESUME_PART = 1 / 2;

/** What a connection holds for its controller now. */
export interface Backlog {
  /** Jobs that are not answered yet. */
  readonly jobs: { readonly count: number; readonly bytes: number };
  /** Cores that are loading. */
  readonly cores: { readonly count: number; readonly bytes: number };
  /** Bytes of answers that the controller has not read. */
  readonly unreadBytes: number;
}

/** What flow control can do. */
export interface FlowActions {
  /** Stops or resumes reading. */
  pause(isPaused: boolean): void;
  /** Stops or resumes starting the controller's jobs. */
  block(isBlocked: boolean): void;
}

/** The flow control of one connection. */
export class FlowControl {
  readonly #backlog: Backlog;
  readonly #actions: FlowActions;
  #isPaused = false;
  #isBlocked = false;
  /** Set while the worker drains. `mayRead`: the version of the protocol lets it read on. */
  #draining: { readonly mayRead: boolean } | undefined;

  constructor(backlog: Backlog, actions: FlowActions) {
    this.#backlog = backlog;
    this.#actions = actions;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The backlog has grown: a message was received, or a frame was written. */
  onGrown(): void {
    if (!this.#isPaused && isOver(this.#backlog, 1)) this.#setPaused(true);
  }

  /** The answer to a job was written. */
  onAnswered(): void {
    if (!this.#draining && this.#backlog.unreadBytes > UNREAD_BYTES_MAX) this.#setBlocked(true);
  }

  /** The backlog has shrunk: a job was answered, or a core is no longer loading. */
  onShrunk(): void {
    if (this.#isPaused) this.#resume();
  }

  /** All written bytes have been sent. */
  onDrained(): void {
    this.#setBlocked(false);
    this.onShrunk();
  }

  /**
   * The worker is draining. Its only queued jobs had already started, on a slot that was lost. They must run
   * again even if the controller does not read their answers.
   */
  drain(mayRead: boolean): void {
    this.#draining = { mayRead };
    this.#setBlocked(false);
    if (!mayRead) this.#setPaused(true);
  }

  #resume(): void {
    if (this.#draining?.mayRead === false) return;
    this.#setPaused(isOver(this.#backlog, RESUME_PART));
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

/** A single job or core may be larger than the bound on bytes. */
function isOver({ jobs, cores, unreadBytes }: Backlog, part: number): boolean {
  const bytes = jobs.bytes + cores.bytes;
  return jobs.count > part * UNANSWERED_JOBS_MAX ||
    cores.count > UNANSWERED_CORES_MAX ||
    (jobs.count + cores.count > 1 && bytes > part * UNANSWERED_BYTES_MAX) ||
    unreadBytes > part * UNREAD_BYTES_LIMIT;
}
