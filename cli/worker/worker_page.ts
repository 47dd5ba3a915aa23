/** `worker --web`: the page of a worker. */

import os from "node:os";
import process from "node:process";
import type { GuardedRuntime } from "../../security/guarded_runtime.ts";
import { hostPlatform } from "../../system/host.ts";
import type { Log } from "../../system/log.ts";
import { usableMemory } from "../../system/usable_memory.ts";
import { LogLines } from "../../watch/log_lines.ts";
import { type WatchedWorker, WorkerWatch } from "../../watch/worker_watch.ts";
import type { WriteLine } from "../terminal/log.ts";
import { SOFTWARE } from "../program/version.ts";
import { type OpenPage, openPage } from "../display/web_page.ts";
import type { WorkerFlags } from "./worker_options.ts";

/** What it is made of. */
export interface WorkerPageParts {
  readonly worker: WatchedWorker;
  readonly log: Log;
  /** The last lines of the log; `undefined` without a page. */
  readonly lines: LogLines | undefined;
  /** Writes a line to the terminal, and stores it nowhere. */
  readonly print: WriteLine;
  /** The token of `--web-token`. */
  readonly bearer: string | undefined;
}

/** Opens it if it was asked for. Rejects if it cannot be served. */
export async function openWorkerPage(
  runtime: GuardedRuntime,
  flags: WorkerFlags,
  { worker, log, lines = new LogLines(runtime.clock), print, bearer }: WorkerPageParts,
): Promise<OpenPage | undefined> {
  const facts = {
    software: SOFTWARE,
    runtime: runtime.name,
    platform: hostPlatform(),
    name: flags.name ?? os.hostname(),
    pid: process.pid,
    memoryBytes: usableMemory().totalBytes,
  };
  const watch = new WorkerWatch(worker, facts, runtime.clock, lines);
  const collect = () => watch.snapshot();
  const page = await openPage(runtime, flags, { role: "worker", collect, log, print, bearer });
  if (!page) watch.stop();
  return page && {
    end: async () => {
      await page.end();
      watch.stop();
    },
  };
}
