/** The worker process that `distcomp run` starts on its own machine. It serves that run only. */

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

/** The run listens before it starts this process, so a connection succeeds at once or never. */
const DIAL_MS = 10_000;

/** Serves the run that listens on `socket`. */
export async function localWorkerCommand(
  runtime: Runtime,
  socket: string,
  slots: number,
): Promise<number> {
  // Ctrl-C in a terminal reaches this process too, but the run decides when the worker stops.
  process.on("SIGINT", () => {});
  // The run reports what happens to jobs, so this process logs only the lines that cores print.
  const log: Log = { ...silentLog, printed: toStderr, room: () => stderr.room() };
  await using worker = await Worker.start(runtime, {
    slots,
    log,
    software: SOFTWARE,
    halfClosedMs: 0, // after the run has disconnected, it reads no answers
    folder: dirname(socket), // the run removes it, even if this process is killed
  });
  process.on("SIGTERM", () => void worker.drain());
  // If the run had no jobs to run, it has already ended. That is no error.
  const stream = await runtime.dial({ kind: "unix", path: socket }, DIAL_MS)
    .catch(() => undefined);
  if (stream) await worker.serve(stream);
  await removeAfterOwner(runtime, dirname(socket), basename(socket)); // a killed run could not remove it
  return ExitCode.ok;
}
