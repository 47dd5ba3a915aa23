/** The screen of `distcomp top`: asks what it shows each second, and takes keys. */

import process from "node:process";
import { systemClock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error_text.ts";
import { FullScreen } from "../terminal/full_screen.ts";
import { handle } from "../terminal/signals.ts";
import { handleSuspension } from "../terminal/suspension.ts";
import type { ScreenSize, TopView } from "./top_view.ts";

/** How often it is asked. */
const ASK_MS = 1_000;

const PAGE_LINES = 10;

/** How many lines a key scrolls. */
const SCROLLS: Readonly<Record<string, number>> = {
  "\x1b[A": -1,
  "\x1bOA": -1,
  k: -1,
  "\x1b[B": 1,
  "\x1bOB": 1,
  j: 1,
  "\x1b[5~": -PAGE_LINES,
  "\x1b[6~": PAGE_LINES,
  g: -Infinity,
  "\x1b[H": -Infinity,
  "\x1bOH": -Infinity,
  "\x1b[1~": -Infinity,
  G: Infinity,
  "\x1b[F": Infinity,
  "\x1bOF": Infinity,
  "\x1b[4~": Infinity,
};

const LEAVE_KEYS = ["q", "Q", "\x03"]; // Ctrl-C is a key here
const SUSPEND_KEY = "\x1a";

/** What is shown: a run, or a worker. */
export interface Watched {
  /** Asks again. Resolves to false if it is over; rejects if it does not answer. */
  ask(): Promise<boolean>;
  /** The lines of a screen of this size. */
  lines(view: TopView, size: ScreenSize): string[];
  /** How many lines a screen of this size can be scrolled. */
  scrollMax(size: ScreenSize): number;
}

/** The screen, until the user leaves, or what it shows is over. */
export class Top {
  readonly #watched: Watched;
  readonly #screen: FullScreen;
  readonly #ended = Promise.withResolvers<"left" | "over">();
  #problem: string | undefined;
  #scroll = 0;
  #isPaused = false;

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#screen = new FullScreen((key) => this.#onKey(key), () => this.#draw());
  }

  /** Shows it. */
  async ended(): Promise<"left" | "over"> {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
      handle(signal, () => this.#ended.resolve("left"));
    }
    process.stdin.on("end", () => this.#ended.resolve("left"));
    handleSuspension([this.#screen]);
    this.#screen.enter();
    this.#draw();
    let isAsking = false;
    const timer = systemClock.every(ASK_MS, () => {
      if (isAsking || this.#isPaused) return;
      isAsking = true;
      void this.#ask().finally(() => isAsking = false);
    });
    try {
      return await this.#ended.promise;
    } finally {
      timer.stop();
      this.#screen.leave();
    }
  }

  async #ask(): Promise<void> {
    try {
      if (!await this.#watched.ask()) return this.#ended.resolve("over");
      this.#problem = undefined;
    } catch (error) {
      this.#problem = messageOf(error);
    }
    this.#draw();
  }

  #onKey(key: string): void {
    if (LEAVE_KEYS.includes(key)) return this.#ended.resolve("left");
    if (key === SUSPEND_KEY) return void process.kill(0, "SIGTSTP"); // as the terminal does
    if (key === " ") this.#isPaused = !this.#isPaused;
    const last = this.#watched.scrollMax(this.#screen.size);
    this.#scroll = Math.max(0, Math.min(last, this.#scroll + (SCROLLS[key] ?? 0)));
    this.#draw();
  }

  #draw(): void {
    const view = { scroll: this.#scroll, isPaused: this.#isPaused, problem: this.#problem };
    this.#screen.draw(this.#watched.lines(view, this.#screen.size));
  }
}
