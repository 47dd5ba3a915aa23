/**
 * Text on its way to a reader who may be slow, or read nothing for hours: a stopped terminal, a pipe that
 * nobody empties. A write that blocks would stop this process for as long.
 */

/** Waits at most, in characters. */
const WAITING_MAX = 1024 * 1024;

/** Written at once, so that a slow reader is seen to read. */
const WRITE_CHARS = 16 * 1024;

/** Whoever has taken nothing for so long is not waited for. */
const STUCK_MS = 3_000;

/** At the end of this process nobody is waited for who takes nothing for so long. */
const LAST_WRITE_MS = 1_000;

/** What may pass, as that a log's disk is full. Otherwise the reader is gone: a closed pipe or terminal. */
const PASSING_CODES = ["ENOSPC", "EDQUOT", "EAGAIN", "ENOBUFS", "ENOMEM"];

/** A bounded queue of text. What there is no room for is dropped, counted, and told of once it goes on. */
export class Outbox {
  readonly #write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  readonly #encoder = new TextEncoder();
  #waiting: string[] = [];
  #waitingChars = 0;
  #lostLines = 0;
  /** Lost lines that are told of by what is being written. */
  #toldLines = 0;
  #pumping: Promise<void> | undefined;
  #isStuck = false;
  #isBroken = false;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>) {
    this.#write = write;
  }

  /** Takes text, which ends with its line feed if it is a line. */
  push(text: string): void {
    if (this.#isBroken) return;
    if (!this.#pumping) this.#tellLosses(); // the last write has failed; maybe this one does not
    if (this.#lostLines > 0 || this.#waitingChars + text.length > WAITING_MAX) this.#lostLines += 1;
    else this.#add(text);
  }

  /**
   * What can wait, such as what cores print, waits for this: room for a line while the reader reads, if only
   * slowly. There is always room for what will be lost, as nobody reads.
   */
  room(): Promise<void> | undefined {
    if (this.#waitingChars <= WAITING_MAX / 2 || this.#isStuck) return undefined;
    return (this.#room ??= Promise.withResolvers<void>()).promise;
  }

  /** Resolves when all is written, or when the reader takes nothing. For the end of this process. */
  async flush(limitMs = LAST_WRITE_MS): Promise<void> {
    while (this.#pumping) {
      const before = this.#waitingChars;
      await Promise.race([this.#pumping, delay(limitMs)]);
      if (this.#waitingChars === before) return;
    }
  }

  #add(text: string): void {
    this.#waiting.push(text);
    this.#waitingChars += text.length;
    this.#pumping ??= this.#pump();
  }

  async #pump(): Promise<void> {
    await undefined; // what is said in one go leaves together
    while (this.#waiting.length > 0) {
      const text = this.#next();
      const timer = setTimeout(() => this.#setStuck(true), STUCK_MS);
      const failure = await this.#write(this.#encoder.encode(text)).catch((error: unknown) => ({
        error,
      }));
      clearTimeout(timer);
      this.#waitingChars -= text.length;
      this.#setStuck(false);
      if (failure) this.#onFailed(text, failure.error);
      else this.#tellLosses();
    }
    this.#pumping = undefined; // here and not a moment later: what comes then is to begin anew
  }

  #onFailed(text: string, error: unknown): void {
    const { code = "" } = (error ?? {}) as { code?: string };
    if (!PASSING_CODES.includes(code)) return this.#break(); // there is nobody to tell, not even that
    const lines = text.split("\n").length - 1;
    // One of them was to tell of those that were lost before.
    this.#lostLines += this.#toldLines > 0 ? lines - 1 + this.#toldLines : lines;
    this.#toldLines = 0;
  }

  /** The text that leaves next; it counts as waiting until it has left. */
  #next(): string {
    let pieces = 0;
    for (let chars = 0; pieces < this.#waiting.length && chars < WRITE_CHARS; pieces++) {
      chars += this.#waiting[pieces]?.length ?? 0;
    }
    return this.#waiting.splice(0, pieces).join("");
  }

  #tellLosses(): void {
    this.#toldLines = 0;
    if (this.#lostLines === 0 || this.#waitingChars > WAITING_MAX / 2) return;
    const lines = this.#lostLines === 1 ? "1 line was" : `${this.#lostLines} lines were`;
    this.#toldLines = this.#lostLines;
    this.#lostLines = 0;
    this.#add(`… ${lines} lost here, for which there was no room\n`);
  }

  #setStuck(isStuck: boolean): void {
    this.#isStuck = isStuck;
    if (this.#waitingChars > WAITING_MAX / 2 && !isStuck) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  #break(): void {
    this.#isBroken = true;
    this.#waiting = [];
    this.#waitingChars = 0;
    this.#lostLines = 0;
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
