/** Bounds the results that are being written: while the disk is slow, workers wait with their answers. */

/** Beyond either, workers wait. They go on when half of it is written. */
const JOBS_MAX = 64;
const BYTES_MAX = 64 * 1024 * 1024;

/** Results on their way to the disk. */
export class CommitWindow {
  readonly #onFull: (isFull: boolean) => void;
  #jobs = 0;
  #bytes = 0;
  #isFull = false;
  #onEmpty: (() => void) | undefined;

  /** `onFull` is called when workers have to wait, and when they may go on. */
  constructor(onFull: (isFull: boolean) => void) {
    this.#onFull = onFull;
  }

  get isEmpty(): boolean {
    return this.#jobs === 0;
  }

  /** A result begins to be written. */
  onBegun(bytes: number): void {
    this.#jobs += 1;
    this.#bytes += bytes;
    if (!this.#isFull && this.#isOver(1)) this.#setFull(true);
  }

  /** It has been written, or failed. */
  onEnded(bytes: number): void {
    this.#jobs -= 1;
    this.#bytes -= bytes;
    if (this.#isFull && !this.#isOver(0.5)) this.#setFull(false);
    if (this.#jobs === 0) this.#onEmpty?.();
  }

  /** Resolves when nothing is being written. For one caller. */
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
