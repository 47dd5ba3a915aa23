/**
 * What one slot's process prints, and which job has printed it. The slot marks in its output where each job ends;
 * while its core prints nothing, it need not, and the first lines count for the job that runs when they are read.
 */

import type { DispatchId } from "../../../pool/types.ts";
import type { Clock, Timer } from "../../../runtime/clock.ts";
import { MalformedPayloadError } from "../../../protocol/mod.ts";
import { jobMarkIn } from "../../../slot/protocol.ts";
import type { SlotResponse } from "../../job.ts";
import { LastLines } from "./last_lines.ts";
import type { SlotSharedMemory } from "../transport/slot_shared_memory.ts";

/** After this many jobs that print nothing, the slot need not mark their ends. */
const QUIET_JOBS_MAX = 32;

/**
 * An answer waits at most this long for the mark in the output. It is usually there already, unless the job printed
 * more than can be read in this time.
 */
const MARK_WAIT_MS = 500;

/** Lines whose job has not ended are passed on after this time, or when there are this many. */
const PASS_ON_MS = 50;
const PASS_ON_LINES = 200;

/** In a turn after this, what has arrived meanwhile is read. */
const TURN_MS = 1;

/**
 * This many lines that a process prints before it has a core, such as those of the system's loader, are kept for the
 * first one, until the mark that follows the end of its load.
 */
const EARLY_LINES_MAX = 20;

/** Marks that no answer waits for are kept for this many jobs: an answer may still be on its way. */
const MARKS_MAX = 1_000;

/** Announced answers that may be missing: a slot sends each behind its announcement. */
const ANNOUNCED_MAX = 16;

/** What the owner of a process is told. */
export interface PrintedEvents {
  /** A line, at once. */
  onLine(line: string): void;
  /** Whether lines that are passed on would get to nobody yet, because there is no core. */
  isForNobody?(): boolean;
  /** Lines of a job, or of none: id 0. */
  onPrinted(job: DispatchId, lines: readonly string[]): void;
  /** An answer, and the last lines of its job. */
  onAnswer(frame: SlotResponse, lastLines: readonly string[]): void;
}

const NO_LINES: readonly string[] = [];

/** The lines of one process. */
export class PrintedLines {
  readonly #clock: Clock;
  readonly #shared: SlotSharedMemory;
  readonly #events: PrintedEvents;
  readonly #last = new LastLines();
  /** Answers that must wait for their marks have been announced for these jobs. */
  readonly #announced = new Set<number>();
  /** Answers that wait for their marks. */
  readonly #held = new Map<number, { readonly frame: SlotResponse; readonly timer: Timer }>();
  /** Jobs whose marks have come before their answers, and their last lines. */
  readonly #marked = new Map<number, readonly string[]>();
  #unpassed: string[] = [];
  #passing: Timer | undefined;
  /** An empty line is known to be one only when no mark follows, which begins with a line feed. */
  #hasEmptyLine = false;
  #hasPrinted = false;
  #quietJobs = 0;
  #isQuiet = false;
  #text = "";

  constructor(clock: Clock, shared: SlotSharedMemory, events: PrintedEvents) {
    this.#clock = clock;
    this.#shared = shared;
    this.#events = events;
  }

  /** The last line of all. */
  get text(): string {
    return this.#text;
  }

  /** The last lines since a job has ended. */
  get lastLines(): readonly string[] {
    return this.#last.lines;
  }

  /** A line of the output. */
  onLine(line: string): void {
    const mark = jobMarkIn(line);
    if (mark === undefined && this.#hasEmptyLine) this.#add("");
    this.#hasEmptyLine = mark === undefined && line === "";
    if (mark !== undefined) this.#onMark(mark);
    else if (!this.#hasEmptyLine) this.#add(line);
  }

  /** The answer to a job must wait for its mark. Throws if others were announced and have not come. */
  onAnnounced(id: number): void {
    this.#announced.add(id);
    if (this.#announced.size > ANNOUNCED_MAX) {
      throw new MalformedPayloadError("The slot announces answers that do not come");
    }
  }

  /** Whether some answer has to wait for its mark. */
  get areAwaited(): boolean {
    return this.#announced.size > 0;
  }

  /** An answer has come. Holds it if it has to wait for its mark. Returns whether it does: then `onAnswer` follows. */
  hold(frame: SlotResponse): boolean {
    const id = frame.id as number;
    if (this.#announced.size === 0 || !this.#announced.delete(id)) return false;
    const timer = this.#clock.after(MARK_WAIT_MS, () => this.#release(id, this.#last.lines));
    const other = this.#held.get(id);
    other?.timer.stop();
    other?.frame.release?.(); // a core has answered for its slot, twice
    this.#held.set(id, { frame, timer });
    const lines = this.#marked.get(id);
    this.#marked.delete(id);
    if (lines) this.#release(id, lines);
    return true;
  }

  /** The process has ended, or is given up: nothing more comes. */
  end(): void {
    this.#passOn(this.#shared.startedId);
    for (const id of [...this.#held.keys()]) this.#release(id, NO_LINES);
  }

  #add(line: string): void {
    if (line !== "") this.#text = line;
    this.#hasPrinted = true;
    if (this.#isQuiet) this.#setQuiet(false);
    this.#last.add(line);
    this.#events.onLine(line);
    this.#unpassed.push(line);
    if (this.#unpassed.length >= PASS_ON_LINES) this.#passOn(this.#shared.startedId);
    else this.#passing ??= this.#clock.after(PASS_ON_MS - TURN_MS, () => this.#passOnSoon());
  }

  /**
   * Passes lines on as those of the job that runs. If this process was delayed, marks that say otherwise may still be
   * unread: then the slot has gone on to other jobs, or they are read in the next turn.
   */
  #passOnSoon(): void {
    const { startedId } = this.#shared;
    this.#passing = this.#clock.after(TURN_MS, () => {
      if (this.#shared.startedId === startedId) this.#passOn(startedId);
      else this.#passOnSoon();
    });
  }

  #onMark(id: number): void {
    this.#passOn(id as DispatchId);
    const lines = this.#last.take();
    this.#quietJobs = this.#hasPrinted ? 0 : this.#quietJobs + 1;
    this.#hasPrinted = false;
    if (this.#quietJobs > QUIET_JOBS_MAX && !this.#isQuiet) this.#setQuiet(true);
    if (this.#held.has(id)) return this.#release(id, lines);
    this.#marked.set(id, lines);
    const [oldest] = this.#marked.keys();
    if (this.#marked.size > MARKS_MAX && oldest !== undefined) this.#marked.delete(oldest);
  }

  #setQuiet(isQuiet: boolean): void {
    this.#isQuiet = isQuiet;
    this.#quietJobs = 0;
    this.#shared.setQuiet(isQuiet);
  }

  #release(id: number, lines: readonly string[]): void {
    const held = this.#held.get(id);
    if (!held) return;
    this.#held.delete(id);
    held.timer.stop();
    this.#events.onAnswer(held.frame, lines);
  }

  #passOn(job: DispatchId): void {
    this.#passing?.stop();
    this.#passing = undefined;
    if (job === 0 && this.#events.isForNobody?.()) {
      return void this.#unpassed.splice(EARLY_LINES_MAX);
    }
    const lines = this.#unpassed;
    this.#unpassed = [];
    if (lines.length > 0) this.#events.onPrinted(job, lines);
  }
}
