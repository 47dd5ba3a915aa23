/** A worker for programs that use the library: it listens until it is closed. */

import { formatAddress, parseAddress } from "../link/address.ts";
import { detectRuntime } from "../runtime/detect.ts";
import type { StreamListener } from "../runtime/ports.ts";
import { guardedRuntime } from "../security/guarded_runtime.ts";
import { silentLog } from "../system/log.ts";
import { listenPrivately, removeDeadSocket } from "../system/unix_socket.ts";
import { acceptControllers } from "./serve.ts";
import { Worker, type WorkerOptions } from "./worker.ts";

/** Options of a worker that listens. */
export interface WorkerServerOptions extends WorkerOptions {
  /** The file of the key. Default: `DISTCOMP_KEY`, or `~/.config/distcomp/key`, which is made when it is needed first. */
  readonly key?: string;
  /** Takes everybody who connects, who can then run code as this user. Default: false. */
  readonly insecure?: boolean;
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
  static async listen(address: string, options: WorkerServerOptions): Promise<WorkerServer> {
    const { key, insecure, log = silentLog } = options;
    const runtime = guardedRuntime(await detectRuntime(), { role: "worker", key, insecure, log });
    const parsed = parseAddress(address);
    await removeDeadSocket(runtime, parsed);
    const listener = listenPrivately(runtime, parsed);
    return new WorkerServer(await Worker.start(runtime, options), listener);
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
