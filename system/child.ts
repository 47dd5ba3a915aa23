/** A process that we started, and how long we wait for its end: the system may not let it end, even when killed. */

import type { Clock, Timer } from "../runtime/clock.ts";
import type { ChildProcess, ProcessEnd } from "../runtime/ports.ts";
import { type ForwardedLines, forwardLines } from "./lines.ts";
import type { PrintingPace } from "./printing_pace.ts";

/**
 * A killed process is usually gone at once, or after seconds if it has to free hundreds of gigabytes. A process
 * that hangs in the kernel, because of a dead file server or a driver, stays as long as that lasts.
 */
export const GONE_LIMIT_MS = 10_000;

/** How a process is watched. */
export interface ChildOptions {
  readonly clock: Clock;
  /** Shared by all processes that this one has started. */
  readonly pace: PrintingPace;
  /** Gets every line that the process prints on stdout or stderr, without its line feed, and cut if long. */
  readonly onLine: (line: string) => void;
  readonly goneLimitMs?: number | undefined;
}

/** A process that, once killed, is gone or given up in bounded time. */
export class Child {
  readonly #process: ChildProcess;
  readonly #printed: ForwardedLines;
  readonly #clock: Clock;
  readonly #goneLimitMs: number;
  readonly #killed = Promise.withResolvers<void>();
  readonly #settled = Promise.withResolvers<ProcessEnd | undefined>();
  /** Resolves when the process is gone, which may be never, and all that it printed is forwarded. */
  readonly ended: Promise<ProcessEnd>;
  #timer: Timer | undefined;
  #hasEnded = false;

  constructor(process: ChildProcess, options: ChildOptions) {
    const { clock, onLine, goneLimitMs = GONE_LIMIT_MS } = options;
    this.#process = process;
    this.#clock = clock;
    this.#goneLimitMs = goneLimitMs;
    this.#printed = forwardLines(process.outputs, onLine, options);
    this.ended = this.#watch();
  }

  async #watch(): Promise<ProcessEnd> {
    const end = await this.#process.ended;
    await this.#printed.complete();
    this.#hasEnded = true;
    this.#timer?.stop();
    this.#settled.resolve(end);
    return end;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves when we kill it, which may be never. */
  get killed(): Promise<void> {
    return this.#killed.promise;
  }

  /** How the process has ended; `undefined` if it was killed and is given up. */
  get settled(): Promise<ProcessEnd | undefined> {
    return this.#settled.promise;
  }

  /** The reason that people read for a process that is given up. */
  get whyGivenUp(): string {
    return `the system has not let its process end for ${this.#goneLimitMs / 1000} s`;
  }

  /** Kills the process. It has a limited time to be gone from then on. */
  kill(): void {
    if (this.#hasEnded) return;
    this.#process.kill("SIGKILL");
    this.#killed.resolve();
    this.#timer ??= this.#clock.after(this.#goneLimitMs, () => this.#giveUp());
  }

  #giveUp(): void {
    this.#process.unref();
    this.#printed.stop();
    this.#settled.resolve(undefined);
  }
}
