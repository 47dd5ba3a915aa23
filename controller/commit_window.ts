/** Bounds the results that are being written. While the disk is slow, no answers are read and workers wait. */

/** Above either limit, reading answers is paused. It resumes below half of both. */
const JOBS_MAX = 64;
const BYTES_MAX = 64 * 1024 * 1024;

/** Counts the results that are being written. */
export class CommitWindow {
  readonly #onFull: (isFull: boolean) => void;
  #jobs = 0;
  #bytes = 0;
  #isFull = false;
  #onEmpty: (() => void) | undefined;

  /** `onFull` is called with `true` when workers have to wait, and with `false` when they may continue. */
  constructor(onFull: (isFull: boolean) => void) {
    this.#onFull = onFull;
  }

  get isEmpty(): boolean {
    return this.#jobs === 0;
  }

  /** Whether workers have to wait. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** The write of a result has begun. */
  onBegun(bytes: number): void {
    this.#jobs += 1;
    this.#bytes += bytes;
    if (!this.#isFull && this.#isOver(1)) this.#setFull(true);
  }

  /** The write of a result has ended, with success or not. */
  onEnded(bytes: number): void {
    this.#jobs -= 1;
    this.#bytes -= bytes;
    if (this.#isFull && !this.#isOver(0.5)) this.#setFull(false);
    if (this.#jobs === 0) this.#onEmpty?.();
  }

  /** Resolves when nothing is being written. Only one caller may wait. */
  async empty(): Promise<void> {
    if (this.#jobs > 0) await new Promise<void>((resolve) => this.#onEmpty = resolve);
  }

  #isOver(part: number): boolean {
    return this.#jobs > part * JOBS_MAX || this.#bytes > part * BYTES_MAX;
  }

  #setFull(isFull: boolean): void {
    this.#isFull = isFull;
    this.#onFull(isFull);
  }
}
