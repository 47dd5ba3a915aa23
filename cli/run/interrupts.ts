/** What signals do to a run: the first ends it in order, the second at once, the third without cleaning up. */

import type { LocalWorker } from "../../controller/workers/local_worker.ts";
import type { Run } from "../../controller/run.ts";
import { InterruptedError } from "../../controller/run_errors.ts";
import { ExitCode } from "../program/exit_code.ts";
import { formatNoun } from "../../system/format.ts";
import { toStderr, type WriteLine } from "../terminal/log.ts";
import type { Progress } from "../terminal/live_line.ts";
import type { StopSignal } from "../terminal/signals.ts";
import { exit } from "../terminal/stderr.ts";

/** What a signal ends. */
type Interruptible = Pick<Run, "interrupt" | "abandon" | "status">;

/** Where the run shows its progress, and what writes a line above it, and into the log. */
interface Messages {
  readonly progress: Pick<Progress, "stop">;
  readonly write: WriteLine;
}

/** A run that has not begun is given up in order, if that takes no longer. */
const GIVEN_UP_MS = 2_000;

/** The signals that end a run, from the start of its command until the end of the process. */
export class Interrupts {
  #resumeHint: string | undefined;
  readonly #interrupted = Promise.withResolvers<never>();
  #count = 0;
  #run: Interruptible | undefined;
  #messages: Messages | undefined;
  #early: Pick<LocalWorker, "abandon" | "close"> | undefined;
  #givenUp: ReturnType<typeof setTimeout> | undefined;

  /** `resumeHint`: the line with which the process ends, if it ends here. */
  constructor(resumeHint: string) {
    this.#resumeHint = resumeHint;
    this.#interrupted.promise.catch(() => {}); // nobody may be waiting when a signal comes
  }

  /** Waits for work that may be left undone: rejects with an `InterruptedError` as soon as a signal comes. */
  async race<T>(work: Promise<T>): Promise<T> {
    return await Promise.race([work, this.#interrupted.promise]);
  }

  /** This worker was started before the run, and ends with the process if there will be no run. */
  onEarly(worker: Pick<LocalWorker, "abandon" | "close"> | undefined): void {
    this.#early = worker;
  }

  /** Signals end this run from now on. */
  onRun(run: Interruptible, messages: Messages): void {
    this.#run = run;
    this.#messages = messages;
    clearTimeout(this.#givenUp); // the run ends in its own way
    if (this.#count > 1) this.#abandon(run);
    else if (this.#count > 0) run.interrupt(); // it came at this very moment
  }

  /** The end of the run is reported: all that is left is to end the process. */
  onReported(): void {
    this.#resumeHint = undefined;
  }

  /** A signal has come. SIGQUIT is for users who do not want to wait. */
  onStop(signal: StopSignal): void {
    this.#count = Math.max(this.#count + 1, signal === "SIGQUIT" ? 2 : 1);
    this.#interrupted.reject(new InterruptedError());
    if (this.#count > 2) this.#exit();
    else if (this.#count === 2 && this.#run) this.#abandon(this.#run);
    else if (this.#count === 2) this.#giveUp();
    else if (this.#run?.interrupt()) this.#reportRunning(this.#run);
  }

  #giveUp(): void {
    this.#givenUp = setTimeout(() => this.#exit(), GIVEN_UP_MS);
    this.#givenUp.unref();
  }

  #reportRunning(run: Interruptible): void {
    const running = runningOf(run);
    if (running === 0) return;
    const jobs = formatNoun(running, "running job");
    this.#messages?.write(`finishing ${jobs}; interrupt again to stop at once`);
  }

  #abandon(run: Interruptible): void {
    const running = runningOf(run);
    const jobs = formatNoun(running, "running job");
    run.abandon();
    const what = running === 0 ? "" : `: ${jobs} will run again when the run is resumed`;
    this.#messages?.write(`stopping at once${what}`);
  }

  #exit(): void {
    const { progress, write = toStderr } = this.#messages ?? {};
    progress?.stop();
    if (this.#resumeHint !== undefined) write(this.#resumeHint);
    if (this.#run || !this.#early) return void exit(ExitCode.interrupted);
    this.#early.abandon(); // it is killed, and not waited for
    void this.#early.close().finally(() => exit(ExitCode.interrupted));
  }
}

/** Jobs that are in a slot. Those behind them in the window of a worker have not begun. */
function runningOf({ status: { inFlight, slots, slotsAreKnown } }: Interruptible): number {
  return slotsAreKnown ? Math.min(inFlight, slots) : inFlight;
}
