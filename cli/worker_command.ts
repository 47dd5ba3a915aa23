/** `distcomp worker`, and what `distcomp run` starts of itself. */

import os from "node:os";
import { basename, dirname } from "node:path";
import process from "node:process";
import { reasonOf } from "../system/system_error.ts";
import { formatAddress, isLoopback } from "../link/address.ts";
import { type Log, silentLog } from "../system/log.ts";
import { removeAfterOwner } from "../system/leftovers.ts";
import type { Address, Runtime } from "../runtime/ports.ts";
import { serveDialled, serveListener } from "../worker/controllers/serve.ts";
import { Worker } from "../worker/worker.ts";
import { timedLog, toStderr } from "./log.ts";
import { exit } from "./stderr.ts";
import { ExitCode, UsageError } from "./usage.ts";
import { SOFTWARE } from "./version.ts";

/** A local worker finds the run that has started it at once, or never. */
const LOCAL_DIAL_MS = 10_000;

/** What was typed behind `worker`. */
export interface WorkerFlags {
  readonly listen?: Address;
  readonly connect?: Address;
  readonly stdio?: boolean;
  readonly slots?: number;
  readonly insecure?: boolean;
}

/** Serves controllers until a signal, or for `--stdio` until its one controller is gone. */
export async function workerCommand(
  runtime: Runtime,
  flags: WorkerFlags,
  defaultListen: Address,
): Promise<number> {
  const ways = [flags.listen, flags.connect, flags.stdio].filter((way) => way).length;
  if (ways > 1) {
    throw new UsageError("A worker listens, or connects, or uses --stdio: one of the three");
  }
  const listen = flags.listen ?? (ways === 0 ? defaultListen : undefined);
  if (listen) checkListen(listen, flags.insecure ?? false);
  const slots = flags.slots ?? os.availableParallelism();
  const log = timedLog();
  const ending = new AbortController();
  const way = listen ? listenOn(runtime, listen) : undefined;
  const worker = await Worker.start(runtime, { slots, log, software: SOFTWARE });
  onSignals(worker, ending, log);
  if (way) {
    process.stdout.write(`listening on ${formatAddress(way.address)}, ${slots} slots\n`);
    ending.signal.addEventListener("abort", () => way.close());
    await serveListener(worker, way);
  } else if (flags.connect) {
    log.info(`connecting to ${formatAddress(flags.connect)}, ${slots} slots`);
    await serveDialled(worker, runtime, flags.connect, log, ending.signal);
  } else {
    await worker.serve(runtime.stdio());
  }
  await worker.drain();
  return ExitCode.ok;
}

/** A worker of a run on this machine: serves that run and ends with it. */
export async function localWorkerCommand(
  runtime: Runtime,
  socket: string,
  slots: number,
): Promise<number> {
  // Ctrl-C in a terminal reaches this process too. What it means is the run's to decide.
  process.on("SIGINT", () => {});
  // Of itself it says nothing: what becomes of jobs, the run knows and says. What cores print is passed on.
  const log: Log = { ...silentLog, printed: toStderr };
  // A run that is gone wants no answers: its jobs have nothing to wait for.
  await using worker = await Worker.start(runtime, {
    slots,
    log,
    software: SOFTWARE,
    halfClosedMs: 0,
    folder: dirname(socket), // which the run removes, whatever becomes of this process
  });
  process.on("SIGTERM", () => void worker.drain());
  // A run that had nothing to do is gone already: then there is nobody to serve, and nothing to say.
  const stream = await runtime.dial({ kind: "unix", path: socket }, LOCAL_DIAL_MS)
    .catch(() => undefined);
  if (stream) await worker.serve(stream);
  // A run that was killed has left it.
  await removeAfterOwner(runtime, dirname(socket), basename(socket));
  return ExitCode.ok;
}

function checkListen(address: Address, insecure: boolean): void {
  if (insecure || isLoopback(address)) return;
  throw new UsageError(
    `Listening on ${formatAddress(address)} would run code for whoever connects; ` +
      "if the network is trusted, add --insecure",
  );
}

function listenOn(runtime: Runtime, address: Address) {
  try {
    return runtime.listen(address);
  } catch (cause) {
    throw new UsageError(`Cannot listen on ${formatAddress(address)}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** The first signal lets running jobs finish; a second one does not wait. */
function onSignals(worker: Worker, ending: AbortController, log: Log): void {
  const handler = (signal: string) => {
    if (ending.signal.aborted) {
      worker.kill();
      return void exit(ExitCode.interrupted);
    }
    log.info(`${signal}: finishing running jobs; a second signal ends at once`);
    ending.abort();
    void worker.drain();
  };
  process.on("SIGTERM", () => handler("SIGTERM"));
  process.on("SIGINT", () => handler("SIGINT"));
}
