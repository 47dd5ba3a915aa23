/** The worker that `distcomp run` starts on its own machine: it serves that run and ends with it. */

import { basename, dirname } from "node:path";
import process from "node:process";
import type { Runtime } from "../runtime/ports.ts";
import { removeAfterOwner } from "../system/leftovers.ts";
import { type Log, silentLog } from "../system/log.ts";
import { Worker } from "../worker/worker.ts";
import { ExitCode } from "./exit_code.ts";
import { toStderr } from "./log.ts";
import { stderr } from "./stderr.ts";
import { SOFTWARE } from "./version.ts";

/** The run listens before it starts this process, so it can be reached at once or not at all. */
const DIAL_MS = 10_000;

/** Serves the run that listens on `socket`. */
export async function localWorkerCommand(
  runtime: Runtime,
  socket: string,
  slots: number,
): Promise<number> {
  // Ctrl-C in a terminal reaches this process too, but it is the run that decides what follows.
  process.on("SIGINT", () => {});
  // The run reports what happens to jobs, so only what cores print is passed on.
  const log: Log = { ...silentLog, printed: toStderr, room: () => stderr.room() };
  await using worker = await Worker.start(runtime, {
    slots,
    log,
    software: SOFTWARE,
    halfClosedMs: 0, // a run that has disconnected reads no answers
    folder: dirname(socket), // the run removes it, however this process ends
  });
  process.on("SIGTERM", () => void worker.drain());
  // A run that had nothing to do has ended already: there is nobody to serve, and nothing to report.
  const stream = await runtime.dial({ kind: "unix", path: socket }, DIAL_MS)
    .catch(() => undefined);
  if (stream) await worker.serve(stream);
  await removeAfterOwner(runtime, dirname(socket), basename(socket)); // left by a run that was killed
  return ExitCode.ok;
}
