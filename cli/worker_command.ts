/** `distcomp worker`: runs a worker that serves controllers until a signal stops it. */

import os from "node:os";
import process from "node:process";
import { formatAddress, isLoopback } from "../link/address.ts";
import type { Address, Runtime, StreamListener } from "../runtime/ports.ts";
import type { Log } from "../system/log.ts";
import { reasonOf } from "../runtime/error_text.ts";
import { acceptControllers, dialController } from "../worker/serve.ts";
import { Worker } from "../worker/worker.ts";
import { ExitCode } from "./exit_code.ts";
import { formatNoun } from "./format.ts";
import { workerLog } from "./log.ts";
import { exit } from "./stderr.ts";
import { UsageError } from "./usage_error.ts";
import { SOFTWARE } from "./version.ts";
import { DEFAULT_LISTEN, type WorkerFlags } from "./worker_options.ts";

/** Serves controllers until a signal, or with `--stdio` until its only controller has disconnected. */
export async function workerCommand(runtime: Runtime, flags: WorkerFlags): Promise<number> {
  const listen = listenAddressOf(flags);
  const count = flags.slots ?? os.availableParallelism();
  const slots = formatNoun(count, "slot");
  const log = workerLog();
  const ending = new AbortController();
  const listener = listen ? listenOn(runtime, listen) : undefined;
  const worker = await Worker.start(runtime, { slots: count, log, software: SOFTWARE });
  handleSignals(worker, ending, log);
  if (listener) {
    process.stdout.write(`listening on ${formatAddress(listener.address)}, ${slots}\n`);
    ending.signal.addEventListener("abort", () => listener.close());
    await acceptControllers(worker, listener);
  } else if (flags.connect) {
    log.info(`connecting to ${formatAddress(flags.connect)}, ${slots}`);
    await dialController(worker, runtime, flags.connect, log, ending.signal);
  } else {
    await worker.serve(runtime.stdio());
  }
  await worker.drain();
  return ExitCode.ok;
}

/** The address to listen on; `undefined` with `--connect` and `--stdio`. */
function listenAddressOf({ listen, connect, stdio, insecure }: WorkerFlags): Address | undefined {
  const chosen = [listen, connect, stdio].filter((way) => way).length;
  if (chosen > 1) throw new UsageError("Choose one: --listen, --connect or --stdio");
  if (connect || stdio) return undefined;
  const address = listen ?? DEFAULT_LISTEN;
  if (insecure || isLoopback(address)) return address;
  throw new UsageError(
    `--listen ${formatAddress(address)} lets anyone who connects run code as this user; ` +
      "on a trusted network, add --insecure",
  );
}

function listenOn(runtime: Runtime, address: Address): StreamListener {
  try {
    return runtime.listen(address);
  } catch (cause) {
    throw new UsageError(`Cannot listen on ${formatAddress(address)}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** On the first signal the worker finishes running jobs; on the second it kills them. */
function handleSignals(worker: Worker, ending: AbortController, log: Log): void {
  const handler = (signal: string) => {
    if (ending.signal.aborted) {
      worker.kill();
      return void exit(ExitCode.interrupted);
    }
    log.info(`${signal}: finishing running jobs; send it again to stop at once`);
    ending.abort();
    void worker.drain();
  };
  process.on("SIGTERM", () => handler("SIGTERM"));
  process.on("SIGINT", () => handler("SIGINT"));
}
