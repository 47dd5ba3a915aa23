/** A process of ours, and how long we wait for its end: the system may not let it end, however often it is killed. */

import type { Clock, Timer } from "../runtime/clock.ts";
import type { ChildProcess, ProcessEnd } from "../runtime/ports.ts";
import { type ForwardedLines, forwardLines } from "./lines.ts";
import type { PrintingPace } from "./printing_pace.ts";

/**
 * A killed process is gone at once, or after seconds if it has hundreds of gigabytes to give back. One that
 * hangs in the kernel, on a dead file server or in a driver, stays for as long as that does.
 */
export const GONE_LIMIT_MS = 10_000;

/** How a process is looked after. */
export interface ChildOptions {
  readonly clock: Clock;
  /** Shared by all processes that this one has started. */
  readonly pace: PrintingPace;
  /** Gets every line that the process prints, on stdout or stderr, without its end and cut if long. */
  readonly onLine: (line: string) => void;
  readonly goneLimitMs?: number | undefined;
}

/** A process that is killed once it is to end, and then gone or given up in bounded time. */
export class Child {
  readonly #process: ChildProcess;
  readonly #printed: ForwardedLines;
  readonly #clock: Clock;
  readonly #goneLimitMs: number;
  readonly #killed = Promise.withResolvers<void>();
  readonly #settled = Promise.withResolvers<ProcessEnd | undefined>();
  /** When the process is gone, which may be never, and all that it printed is here. */
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

  /** When it is killed by us, which may be never. */
  get killed(): Promise<void> {
    return this.#killed.promise;
  }

  /** How the process has ended, or `undefined` when it was killed and is given up. */
  get settled(): Promise<ProcessEnd | undefined> {
    return this.#settled.promise;
  }

  /** What people read of a process that is given up. */
  get whyGivenUp(): string {
    return `the system has not let its process end for ${this.#goneLimitMs / 1000} s`;
  }

  /** Kills the process. From then on it has its time to be gone. */
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
