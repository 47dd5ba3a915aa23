/** `distcomp worker`: runs a worker that serves controllers until a signal stops it. */

import process from "node:process";
import { formatAddress, isLoopback } from "../../link/address.ts";
import type { Address, Runtime } from "../../runtime/ports.ts";
import { messageOf } from "../../runtime/error_text.ts";
import { writeFromBackground } from "../../runtime/processes/job_control.ts";
import { closeToOthers } from "../../runtime/processes/private_process.ts";
import { type GuardedRuntime, guardedRuntime } from "../../security/guarded_runtime.ts";
import { KeyError } from "../../security/key_error.ts";
import { keepExecutable } from "../../system/kept_executable.ts";
import type { Log } from "../../system/log.ts";
import { removeDeadSocket } from "../../system/unix_socket.ts";
import { acceptControllers, dialController } from "../../worker/serve.ts";
import { Sandbox } from "../../worker/slots/processes/sandbox.ts";
import { LogLines } from "../../watch/log_lines.ts";
import { Worker } from "../../worker/worker.ts";
import { ExitCode } from "../program/exit_code.ts";
import { formatNoun, printable } from "../../system/format.ts";
import { workerLog } from "../terminal/log.ts";
import { bothLogs } from "../terminal/log_file.ts";
import { sandboxFrom } from "./sandbox_options.ts";
import { listenOn } from "../options/listen_option.ts";
import { sharesFrom } from "../options/share_options.ts";
import { slotsWarning } from "../options/slots_warning.ts";
import { warnInsecureWorker } from "../options/insecure_warning.ts";
import { noProgress } from "../display/progress.ts";
import { checkPage, webTokenOf } from "../display/web_page.ts";
import { writeStdout } from "../terminal/stdout.ts";
import { trustFrom, trustText } from "./trust_options.ts";
import { UsageError } from "../program/usage_error.ts";
import { SOFTWARE } from "../program/version.ts";
import { lifetimeOf } from "./worker_lifetime.ts";
import { DEFAULT_LISTEN, type WorkerFlags } from "./worker_options.ts";
import { showWorker } from "./worker_line.ts";
import { openWorkerPage } from "./worker_page.ts";
import { WorkerSignals } from "./worker_signals.ts";

/** Serves controllers until a signal, or with `--stdio` until its only controller has disconnected. */
export async function workerCommand(system: Runtime, flags: WorkerFlags): Promise<number> {
  await writeFromBackground();
  await closeToOthers();
  const listen = listenAddressOf(flags);
  const shares = sharesFrom(flags);
  const trust = trustFrom(flags);
  const bearer = await webTokenOf(flags);
  const asked = sandboxFrom(flags);
  const sandbox = asked && await Sandbox.open(system, asked);
  const slots = formatNoun(shares.slots, "slot");
  const shown = { progress: noProgress() };
  const print = (line: string) => shown.progress.write(line);
  const lines = flags.web && new LogLines(system.clock);
  const log = lines ? bothLogs(workerLog(print), lines) : workerLog(print);
  const { key, insecure } = flags;
  const runtime = guardedRuntime(system, { role: "worker", key, insecure, log });
  const signals = await WorkerSignals.handle(log);
  const warning = slotsWarning(shares.slots);
  if (warning) log.warn(warning);
  if (insecure) warnInsecureWorker(log, reachOf(flags, listen));
  if (listen) await removeDeadSocket(runtime, listen);
  const listener = listen ? listenOn(runtime, listen) : undefined; // a key is only made for an address that can be used
  try {
    await checkPage(system, flags);
    await openKey(runtime, flags, log);
  } catch (error) {
    listener?.close();
    throw error;
  }
  const lifetime = await lifetimeOf(system, flags, log, signals);
  const { name, label: labels } = flags;
  let goneFolder: string | undefined;
  const onFolderGone = (path: string) => {
    goneFolder = path;
    signals.drain(`the temporary folder "${path}" is gone: finishing running jobs`);
  };
  const own = {
    name,
    labels,
    ownsProcess: true,
    software: SOFTWARE,
    trust,
    log,
    sandbox,
    lifetime,
    onFolderGone,
  };
  if (trust) log.info(trustText(trust));
  const worker = await Worker.start(runtime, { ...shares, ...own });
  const kept = keepExecutable(runtime.clock, process.execPath);
  if (!flags.stdio) shown.progress = showWorker(() => worker.status, runtime.clock, log);
  signals.onWorker(worker, shown.progress);
  const page = await openWorkerPage(runtime, flags, { worker, log, lines, print, bearer });
  if (listener) {
    writeStdout(`listening on ${printable(formatAddress(listener.address))}, ${slots}\n`);
    // Until its last job has ended, it still says what it is doing.
    void Promise.race([signals.drained, signals.stopped]).finally(() => listener.close());
    await acceptControllers(worker, listener);
  } else if (flags.connect) {
    log.info(`connecting to ${formatAddress(flags.connect)}, ${slots}`);
    await dialController(worker, runtime, flags.connect, log, signals.ending);
  } else {
    await worker.serve(runtime.stdio());
  }
  await Promise.race([worker.drain(), signals.stopped]);
  await page?.end();
  kept?.stop();
  shown.progress.stop();
  if (goneFolder !== undefined) throw new Error(goneText(goneFolder));
  return ExitCode.ok;
}

function goneText(folder: string): string {
  return `The temporary folder "${folder}" of this worker was removed; start the worker again, ` +
    "with another TMPDIR if that is cleaned regularly";
}

/** The address to listen on; `undefined` with `--connect` and `--stdio`. */
function listenAddressOf({ listen, connect, stdio }: WorkerFlags): Address | undefined {
  const chosen = [listen, connect, stdio].filter((way) => way).length;
  if (chosen > 1) throw new UsageError("Choose one: --listen, --connect or --stdio");
  if (connect || stdio) return undefined;
  return listen ?? DEFAULT_LISTEN;
}

/**
 * Opens the key if controllers on other machines will need it, so that its problems show now. Who has not said where to
 * listen may only want to use this machine, and needs no key for that.
 */
async function openKey(runtime: GuardedRuntime, flags: WorkerFlags, log: Log): Promise<void> {
  const { key, listen, connect, stdio } = flags;
  const isNamed = key !== undefined || listen !== undefined;
  if (key === undefined && (connect || stdio || (listen && isLoopback(listen)))) return;
  try {
    await runtime.openKey();
  } catch (error) {
    if (isNamed || !(error instanceof KeyError)) throw error;
    log.warn(`${messageOf(error)}; until then, only this user on this machine can use this worker`);
  }
}

/** Who reaches a worker. */
function reachOf({ connect, stdio }: WorkerFlags, listen: Address | undefined): string {
  if (connect) return `whatever answers at ${formatAddress(connect)}`;
  if (stdio || !listen) return "anyone at the other end of stdin";
  return `anyone who can connect to ${formatAddress(listen)}`;
}
