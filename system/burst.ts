/** Things that happen together, such as twenty workers that are lost at once, so that one line can say all of it. */

/** No other has come for this long: these were all. */
const QUIET_MS = 500;

/** They keep coming: those so far are reported. */
const WAIT_MS_MAX = 2_000;

/** More than these are reported without waiting: whoever connects again and again must not fill the memory. */
const ITEMS_MAX = 10_000;

/** More at once become one line with counts. */
export const LINES_MAX = 3;

/** Collects what happens at about the same time. */
export class Burst<T> {
  readonly #onEnd: (items: readonly T[]) => void;
  #items: T[] = [];
  /** Whether something has come since the last tick. */
  #isNew = false;
  #firstAtMs: number | undefined;
  #lastAtMs = 0;

  /** `onEnd` gets what has come, at least one. */
  constructor(onEnd: (items: readonly T[]) => void) {
    this.#onEnd = onEnd;
  }

  add(item: T): void {
    this.#items.push(item);
    this.#isNew = true;
    if (this.#items.length >= ITEMS_MAX) this.flush();
  }

  /** Call it several times a second. */
  onTick(nowMs: number): void {
    if (this.#items.length === 0) return;
    this.#firstAtMs ??= nowMs;
    if (this.#isNew) this.#lastAtMs = nowMs;
    this.#isNew = false;
    if (nowMs - this.#lastAtMs >= QUIET_MS || nowMs - this.#firstAtMs >= WAIT_MS_MAX) this.flush();
  }

  /** Reports what has come so far. */
  flush(): void {
    const items = this.#items.splice(0);
    this.#firstAtMs = undefined;
    if (items.length > 0) this.#onEnd(items);
  }
}
