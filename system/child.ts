/** A child process, and how long to wait for its end: even a killed process may hang in the kernel. */

import type { Clock, Timer } from "../runtime/clock.ts";
import type { ChildProcess, ProcessEnd } from "../runtime/ports.ts";
import { type ForwardedLines, forwardLines } from "./forwarded_lines.ts";
import type { PrintingPace } from "./printing_pace.ts";

/**
 * A killed process usually ends at once, or after seconds if it has to free hundreds of gigabytes. A process that
 * hangs in the kernel, because of a dead file server or a driver, stays until the kernel call returns.
 */
export const GONE_LIMIT_MS = 10_000;

/** How a process is watched. */
export interface ChildOptions {
  readonly clock: Clock;
  /** Shared by all child processes. */
  readonly pace: PrintingPace;
  /** Gets every line that the process prints on stdout or stderr, without its line feed. Long lines are cut. */
  readonly onLine: (line: string) => void;
  readonly goneLimitMs?: number | undefined;
}

/** A child process. Once killed, it ends or is given up within a limited time. */
export class Child {
  readonly #process: ChildProcess;
  readonly #printed: ForwardedLines;
  readonly #clock: Clock;
  readonly #goneLimitMs: number;
  readonly #killed = Promise.withResolvers<void>();
  readonly #settled = Promise.withResolvers<ProcessEnd | undefined>();
  /** Resolves when the process has ended, which may be never, and everything that it printed is forwarded. */
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
    this.#hasEnded = true; // its id may belong to another process from now on
    this.#timer?.stop();
    await this.#printed.complete();
    this.#settled.resolve(end);
    return end;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves when `kill` is called, which may be never. */
  get killed(): Promise<void> {
    return this.#killed.promise;
  }

  /** How the process has ended; `undefined` if it was killed and then given up. */
  get settled(): Promise<ProcessEnd | undefined> {
    return this.#settled.promise;
  }

  /** The reason for messages, if the process is given up. */
  get whyGivenUp(): string {
    return `the system has not let its process end for ${this.#goneLimitMs / 1000}s`;
  }

  /** Kills the process. From then on it has a limited time to end. Returns `false` if it has ended already. */
  kill(): boolean {
    if (this.#hasEnded) return false;
    this.#process.kill("SIGKILL");
    this.#killed.resolve();
    this.#timer ??= this.#clock.after(this.#goneLimitMs, () => this.#giveUp());
    return true;
  }

  /** Stops the process, or lets it go on. */
  signal(signal: "SIGINT" | "SIGSTOP" | "SIGTSTP" | "SIGCONT"): void {
    if (!this.#hasEnded) this.#process.kill(signal);
  }

  #giveUp(): void {
    this.#process.unref();
    this.#printed.stop();
    this.#settled.resolve(undefined);
  }
}
