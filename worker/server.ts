/** A worker for programs that use the library: it listens until it is closed. */

import { formatAddress, isLoopback, parseAddress } from "../link/address.ts";
import { detectRuntime } from "../runtime/detect.ts";
import type { Address, Runtime, StreamListener } from "../runtime/ports.ts";
import { guardedRuntime } from "../security/guarded_runtime.ts";
import { callersLog } from "../system/callers_log.ts";
import { listenPrivately, listenProblem, removeDeadSocket } from "../system/unix_socket.ts";
import { slotsFor } from "../system/usable_cpus.ts";
import { acceptControllers } from "./serve.ts";
import { checkServerOptions, type WorkerServerOptions } from "./server_options.ts";
import { Worker } from "./worker.ts";

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
   * port 0 picks a free one. It serves whoever has its key, and programs of this user on this machine. Rejects with an
   * `AddressError`, with a `KeyError` if other machines need its key and it cannot be used, with a `RangeError` or
   * `TypeError` for a wrong option, and with another `Error` if it cannot listen there, or cannot start.
   */
  static async listen(address: string, options: WorkerServerOptions = {}): Promise<WorkerServer> {
    checkServerOptions(address, options);
    const { key, insecure, threads, slots = slotsFor(threads), command } = options;
    const log = callersLog(options.log);
    const own = await detectRuntime();
    const base = command ? { ...own, selfCommand: () => command } : own;
    const runtime = guardedRuntime(base, { role: "worker", key, insecure, log });
    const parsed = parseAddress(address);
    if (key !== undefined || !isLoopback(parsed)) await runtime.openKey();
    await removeDeadSocket(runtime, parsed);
    const worker = await Worker.start(runtime, { ...options, log, slots });
    try {
      return new WorkerServer(worker, listenOn(runtime, parsed));
    } catch (error) {
      await worker.drain();
      throw error;
    }
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

function listenOn(runtime: Runtime, address: Address): StreamListener {
  try {
    return listenPrivately(runtime, address);
  } catch (cause) {
    const where = formatAddress(address);
    throw new Error(`Cannot listen on ${where}: ${listenProblem(cause)}`, { cause });
  }
}
