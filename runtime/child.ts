/** A process of ours, and how long we wait for its end: the system may not let it end, however often it is killed. */

import type { ChildProcess, ProcessEnd } from "./ports.ts";

/**
 * A killed process is gone at once, or after seconds if it has hundreds of gigabytes to give back. One that
 * hangs in the kernel, on a dead file server or in a driver, stays for as long as that does.
 */
export const GONE_LIMIT_MS = 10_000;

/** A process that is killed once it is to end, and then gone or given up in bounded time. */
export class Child {
  readonly #process: ChildProcess;
  readonly #goneLimitMs: number;
  readonly #killed = Promise.withResolvers<void>();
  readonly #settled = Promise.withResolvers<ProcessEnd | undefined>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasEnded = false;

  constructor(process: ChildProcess, goneLimitMs = GONE_LIMIT_MS) {
    this.#process = process;
    this.#goneLimitMs = goneLimitMs;
    void process.ended.then((end) => {
      this.#hasEnded = true;
      clearTimeout(this.#timer);
      this.#settled.resolve(end);
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** When the process is gone, which may be never. */
  get ended(): Promise<ProcessEnd> {
    return this.#process.ended;
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
    this.#timer ??= setTimeout(() => this.#giveUp(), this.#goneLimitMs);
  }

  #giveUp(): void {
    this.#process.unref();
    this.#settled.resolve(undefined);
  }
}
