/**
 * One worker for all tests of a file, and of the files that are loaded with it and need the same: for tests of what a
 * run does with inputs and outputs, where a worker and slots of its own would be most of the work. A controller that
 * uses the core all the time keeps it loaded in the slots.
 *
 * ```ts ignore
 * import { core } from "../lib/cores.ts";
 * import { SharedWorker } from "./shared_worker.ts";
 * import { Workspace } from "./workspace.ts";
 *
 * const WORKER = await SharedWorker.start(await core("echo"));
 *
 * await using workspace = await Workspace.make(WORKER);
 * await workspace.run(["run", await core("echo"), "inputs"]); // on that worker
 * ```
 */

import { readFile } from "node:fs/promises";
import { after } from "node:test";
import { ControllerV1 } from "../fixtures/peers/controller_v1.ts";
import { type Program, startWorker } from "../lib/processes.ts";

/** A file of tests takes some minutes on a busy machine. */
const LIFE_LIMIT_MS = 30 * 60_000;

/** A worker that ends when all tests have ended, and must then leave nothing behind. */
export class SharedWorker {
  static readonly #started = new Map<string, Promise<SharedWorker>>();

  /** For `--workers`. */
  readonly address: string;

  private constructor(worker: Program) {
    this.address = `127.0.0.1:${worker.port}`;
  }

  /** To be called outside of tests. Runs that change the core or its variables start each slot anew: one is cheaper. */
  static start(core: string, slots = 2): Promise<SharedWorker> {
    const needs = `${slots} ${core}`;
    const started = SharedWorker.#started.get(needs) ?? SharedWorker.#start(core, slots);
    SharedWorker.#started.set(needs, started);
    return started;
  }

  static async #start(core: string, slots: number): Promise<SharedWorker> {
    const worker = await startWorker({ slots, lifeLimitMs: LIFE_LIMIT_MS });
    const holder = await ControllerV1.connect(worker.port);
    await holder.exchangeVersion(1);
    await holder.sendCore("core", new Uint8Array(await readFile(core)));
    after(async () => {
      await holder.close();
      await worker[Symbol.asyncDispose]();
    });
    return new SharedWorker(worker);
  }
}
