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
  #sentAtMs = 0;
  #answeredAtMs = 0;
  /** How many jobs the process was sent. */
  jobs = 0;

  get text(): string {
    return this.#text;
  }

  onPrinted(text: string, nowMs: number): void {
    this.#text = text;
    this.#printedAtMs = nowMs;
  }

  onJobSent(nowMs: number): void {
    this.jobs += 1;
    this.#sentAtMs = nowMs;
  }

  onJobAnswered(nowMs: number): void {
    this.#answeredAtMs = nowMs;
  }

  /** The line, if it certainly comes from the job that the process ran last, or from no job; otherwise nothing. */
  get own(): string {
    const otherJobAtMs = Math.max(this.#sentAtMs, this.#answeredAtMs);
    const isOwn = this.jobs <= 1 || this.#printedAtMs - otherJobAtMs > LINE_DELAY_MS_MAX;
    return isOwn ? this.#text.trim() : "";
  }
}
