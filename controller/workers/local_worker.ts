/** A worker of the run's own, on this machine: no address, no set-up, gone with the run. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Child } from "../../system/child.ts";
import type { Log } from "../../system/log.ts";
import { messageOf } from "../../runtime/error_text.ts";
import type { ByteStream, ProcessEnd, Runtime, StreamListener } from "../../runtime/ports.ts";
import { PrintingPace } from "../../system/printing_pace.ts";
import { startSelf } from "../../system/self.ts";
import { makeTemporaryFolder } from "../../system/temporary_folder.ts";

/**
 * A worker that dies this often is not started again: something is wrong with the machine. A job with which
 * ten were lost has failed before that.
 */
const RESTARTS_MAX = 12;

/** A worker that has no connection left unloads its cores and ends; then it is ended, or given up. */
const END_LIMIT_MS = 10_000;

/** What people know it as. */
const LOCAL_WORKER_NAME = "this machine";

/** What a local worker needs of the cluster that it works for. */
export interface LocalWorkerHost {
  join(stream: ByteStream, name: string, slots: number): Promise<Error | undefined>;
  giveUp(name: string, reason: string): void;
}

/** A worker process that this process has started. */
export class LocalWorker {
  readonly #runtime: Runtime;
  readonly #host: LocalWorkerHost;
  readonly #slots: number;
  readonly #log: Log;
  readonly #pace: PrintingPace;
  readonly #folder: string;
  readonly #listener: StreamListener;
  readonly #abandoned = Promise.withResolvers<void>();
  #child: Child | undefined;
  #isClosing = false;

  private constructor(
    runtime: Runtime,
    host: LocalWorkerHost,
    options: { slots: number; log: Log },
    folder: string,
  ) {
    this.#runtime = runtime;
    this.#host = host;
    this.#slots = options.slots;
    this.#log = options.log;
    this.#pace = new PrintingPace(runtime.clock, options.log);
    this.#folder = folder;
    // A socket in a folder that nobody else may enter: no port is open to other users of this machine.
    this.#listener = runtime.listen({ kind: "unix", path: socketIn(folder) });
  }

  /** Starts a worker that joins `host`, and starts it again if it dies. */
  static async start(
    runtime: Runtime,
    host: LocalWorkerHost,
    options: { slots: number; log: Log },
  ): Promise<LocalWorker> {
    const folder = await makeTemporaryFolder();
    const worker = new LocalWorker(runtime, host, options, folder);
    void worker.#accept();
    void worker.#keepRunning();
    return worker;
  }

  /** Waits for the worker to end, whose connection the cluster has closed. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const timer = setTimeout(() => this.#child?.kill(), END_LIMIT_MS);
    await Promise.race([this.#child?.settled, this.#abandoned.promise]);
    clearTimeout(timer);
    this.#listener.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Has `close` not wait: the worker ends by itself. */
  abandon(): void {
    this.#abandoned.resolve();
  }

  async #accept(): Promise<void> {
    for (;;) {
      const stream = await this.#listener.accept();
      if (!stream) return;
      void this.#host.join(stream, LOCAL_WORKER_NAME, this.#slots);
    }
  }

  async #keepRunning(): Promise<void> {
    let reason = "";
    for (let starts = 0; starts <= RESTARTS_MAX; starts++) {
      reason = await this.#runOnce();
      if (this.#isClosing) return;
      this.#log.warn(`the worker on this machine ${reason}`);
    }
    this.#host.giveUp(LOCAL_WORKER_NAME, `its worker ${reason}, ${RESTARTS_MAX + 1} times`);
  }

  async #runOnce(): Promise<string> {
    const args = [socketIn(this.#folder), String(this.#slots)];
    try {
      this.#child = new Child(startSelf(this.#runtime, "local-worker", args), {
        clock: this.#runtime.clock,
        pace: this.#pace,
        onLine: (line) => this.#log.printed(line),
      });
    } catch (error) {
      return `cannot be started: ${messageOf(error)}`;
    }
    return describe(await this.#child.ended);
  }
}

function socketIn(folder: string): string {
  return join(folder, "controller");
}

function describe(end: ProcessEnd): string {
  return end.signal ? `was ended by ${end.signal}` : `ended with status ${end.exitCode}`;
}
