/** Parts of files that are on their way to a worker: so many that it does not wait for each, and no more. */

/** The parts that one worker has not answered. One sender waits for room in it. */
export class PartWindow {
  readonly #countMax: number;
  readonly #bytesMax: number;
  #count = 0;
  #bytes = 0;
  #failure: Error | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
  }

  /** Resolves when a part of `bytes` bytes may be sent, which may be larger than the window if it is alone. */
  async room(bytes: number): Promise<void> {
    const isFull = () => this.#count >= this.#countMax || this.#bytes + bytes > this.#bytesMax;
    while (this.#count > 0 && isFull()) await this.#change();
    this.check();
  }

  /** Resolves when all parts are answered. */
  async emptied(): Promise<void> {
    while (this.#count > 0) await this.#change();
    this.check();
  }

  /** Throws what `fail` was called with. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  onSent(bytes: number): void {
    this.#count += 1;
    this.#bytes += bytes;
  }

  onAnswered(bytes: number): void {
    this.#count -= 1;
    this.#bytes -= bytes;
    this.#notify();
  }

  /** A part was refused, or no more answers come. The first reason counts. */
  fail(reason: Error): void {
    this.#failure ??= reason;
    this.#notify();
  }

  async #change(): Promise<void> {
    this.check();
    await this.#changed.promise;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
