/** The last line that a slot's process has printed, and whether the job that it ran last has printed it. */

/**
 * A line that a job printed comes through another pipe. It arrives at most this long after the job's answer, also on
 * a loaded machine.
 */
const LINE_DELAY_MS_MAX = 1_000;

/** The last line of a process that runs one job after another. */
export class LastLine {
  #text = "";
  #printedAtMs = 0;
  /** When a job before the last one may have been running, at the latest. */
  #otherJobAtMs = 0;
  /** A job was answered since; reading the clock for each answer would cost more than all else here. */
  #hasAnswered = false;
  /** How many jobs the process was sent. */
  jobs = 0;

  get text(): string {
    return this.#text;
  }

  onPrinted(text: string, nowMs: number): void {
    if (this.#hasAnswered) this.#otherJobAtMs = nowMs;
    this.#hasAnswered = false;
    this.#text = text;
    this.#printedAtMs = nowMs;
  }

  onJobSent(nowMs: number): void {
    this.jobs += 1;
    this.#otherJobAtMs = nowMs;
    this.#hasAnswered = false;
  }

  onJobAnswered(): void {
    this.#hasAnswered = true;
  }

  /** The line, if it certainly comes from the job that the process ran last, or from no job; otherwise nothing. */
  get own(): string {
    const isLate = this.#printedAtMs - this.#otherJobAtMs > LINE_DELAY_MS_MAX;
    const isOwn = this.jobs <= 1 || (isLate && !this.#hasAnswered);
    return isOwn ? this.#text.trim() : "";
  }
}
