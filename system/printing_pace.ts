/**
 * How fast this process takes what its processes print. A core may print without end, and whoever takes
 * all of that has no time left for anything else. So what prints has to wait, as on a slow terminal: its
 * pipe fills. Nothing is lost that way, and a core that prints a normal amount never notices.
 */

/** For each millisecond of work on printed lines, as much time is left for all other work. */
const REST_PER_WORK = 3;

/** Shorter rests are saved up: a timer would cost more than the few lines before it. */
const REST_MS_MIN = 4;

/** Work that seems to have taken long was interrupted: the process was stopped, the machine is busy. */
const REST_MS_MAX = 100;

/** Takes turns among all the outputs that are read. */
export class PrintingPace {
  #last: Promise<void> = Promise.resolve();
  #owedMs = 0;
  #room: () => Promise<void> | undefined = () => undefined;

  /** Has printing wait also for that, if it gives a promise: for room where the lines go. */
  waitFor(room: () => Promise<void> | undefined): void {
    this.#room = room;
  }

  /** Does a small piece of work when it is its turn; resolves when the next piece may follow. */
  take(work: () => void): Promise<void> {
    const turn = this.#last.then(() => this.#do(work));
    this.#last = turn.catch(() => {}); // who took the turn hears of it
    return turn;
  }

  async #do(work: () => void): Promise<void> {
    await this.#room();
    const begun = performance.now();
    try {
      work();
    } finally {
      this.#owedMs += REST_PER_WORK * (performance.now() - begun);
    }
    if (this.#owedMs < REST_MS_MIN) return;
    const restMs = Math.min(this.#owedMs, REST_MS_MAX);
    this.#owedMs = 0;
    await new Promise((resolve) => setTimeout(resolve, restMs));
  }
}

/** That of this process: there is one event loop, and one stderr. */
export const printingPace = new PrintingPace();
