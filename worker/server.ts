/** A worker for programs that use the library: it listens until it is closed. */

import { formatAddress, parseAddress } from "../link/address.ts";
import { detectRuntime } from "../runtime/detect.ts";
import type { StreamListener } from "../runtime/ports.ts";
import { guardedRuntime } from "../security/guarded_runtime.ts";
import { silentLog } from "../system/log.ts";
import { listenPrivately, removeDeadSocket } from "../system/unix_socket.ts";
import { slotsFor } from "../system/usable_cpus.ts";
import { acceptControllers } from "./serve.ts";
import { Worker, type WorkerOptions } from "./worker.ts";

/** Options of a worker that listens. */
export interface WorkerServerOptions extends Omit<WorkerOptions, "slots"> {
  /** How many jobs run at once, each in a process of its own. Default: one per CPU, or per `threads` CPUs. */
  readonly slots?: number | undefined;
  /** The file of the key. Default: `DISTCOMP_KEY`, or `~/.config/distcomp/key`, which is made when it is needed first. */
  readonly key?: string;
  /** Takes everybody who connects, who can then run code as this user. Default: false. */
  readonly insecure?: boolean;
  /** The executable `distcomp` that is started for each slot, and its first arguments. Default: this program. */
  readonly command?: readonly string[] | undefined;
}

/** A worker that accepts controllers at an address. */
export class WorkerServer implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #listener: StreamListener;

  private constructor(worker: Worker, listener: StreamListener) {
    this.#worker = worker;
    this.#listener = listener;
    void acceptControllers(worker, listener);
  }

  /**
   * Starts a worker, whose slots are separate processes, and listens at `address`, written `HOST:PORT`;
   * port 0 picks a free one. It serves whoever has its key, and programs of this user on this machine.
   */
  static async listen(address: string, options: WorkerServerOptions = {}): Promise<WorkerServer> {
    const { key, insecure, log = silentLog, threads, slots = slotsFor(threads), command } = options;
    checkCount("slots", slots);
    if (threads !== undefined) checkCount("threads", threads);
    const own = await detectRuntime();
    const base = command ? { ...own, selfCommand: () => command } : own;
    const runtime = guardedRuntime(base, { role: "worker", key, insecure, log });
    const parsed = parseAddress(address);
    await removeDeadSocket(runtime, parsed);
    const listener = listenPrivately(runtime, parsed);
    return new WorkerServer(await Worker.start(runtime, { ...options, slots }), listener);
  }

  /** Where it listens, as `HOST:PORT`. */
  get address(): string {
    return formatAddress(this.#listener.address);
  }

  /** Accepts no more controllers, finishes and answers the running jobs, and ends. */
  async close(): Promise<void> {
    this.#listener.close();
    await this.#worker.drain();
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function checkCount(name: string, value: unknown): void {
  if (Number.isSafeInteger(value) && Number(value) > 0) return;
  throw new RangeError(`${name} must be a whole number of at least 1, not ${value}`);
}
