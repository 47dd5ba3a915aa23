/** The worker process that `distcomp run` starts on its own machine. It serves that run only. */

import { basename, dirname } from "node:path";
import { systemClock } from "../../runtime/clock.ts";
import type { OpenFolder } from "../../runtime/files/files.ts";
import { FilesBelow, type FolderBelow } from "../../runtime/files/files_below.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { closeToOthers } from "../../runtime/processes/private_process.ts";
import type { LocalWorkerStart } from "../../controller/workers/local_worker.ts";
import { removeAfterOwner } from "../../system/leftovers.ts";
import { type Log, silentLog } from "../../system/log.ts";
import { type OwnWorkerOptions, Worker } from "../../worker/worker.ts";
import { ExitCode } from "../program/exit_code.ts";
import { serveSeveral } from "./local_worker_connections.ts";
import { handle, handleSignals } from "../terminal/signals.ts";
import { stderr } from "../terminal/stderr.ts";
import { SOFTWARE } from "../program/version.ts";

/** The run listens before it starts this process, so a connection succeeds at once or never. */
const DIAL_MS = 10_000;

/** Serves the run that listens on `socket`. */
export async function localWorkerCommand(
  runtime: Runtime,
  socket: string,
  { shares, dumpsFolder, connections }: LocalWorkerStart,
): Promise<number> {
  await closeToOthers();
  const dumps = dumpsFolder && await openDumps(runtime, dumpsFolder);
  // The run reports what happens to jobs, so this process logs only lines that cores print.
  const log: Log = {
    ...silentLog,
    printed: (line) => stderr.write(`${line}\n`),
    room: () => stderr.room(),
  };
  const started = await startUnlessOver(runtime, socket, {
    ...shares,
    log,
    tellsController: true,
    endsWithController: true, // or it would start new slots when it is about to end
    software: SOFTWARE,
    ownsProcess: true,
    dumpsFolder: dumps?.path,
    halfClosedMs: 0, // after the run has disconnected, it reads no answers
    controllerSilentMsMax: Infinity, // a run on this machine that is silent has been stopped, and may go on
    onFolderGone: () => void started?.drain(),
    folder: dirname(socket), // the run removes it, even if this process is killed
  });
  if (!started) return ExitCode.ok;
  await using worker = started;
  await handleOwnSignals(worker);
  // If the run had no jobs to run, it has already ended. That is not an error.
  const serve = async () => {
    const stream = await runtime.dial({ kind: "unix", path: socket }, DIAL_MS)
      .catch(() => undefined); // nobody listens any more
    if (stream) await worker.serve(stream);
  };
  await (connections === undefined ? serve() : serveSeveral(runtime, connections, serve));
  suspend(worker, false); // the run may have been killed while it was stopped
  await removeAfterOwner(runtime, dirname(socket), basename(socket)); // a killed run could not remove it
  return ExitCode.ok;
}

/** Starts the worker. `undefined` if the run has ended meanwhile: then its socket is gone, and soon its whole folder. */
async function startUnlessOver(
  runtime: Runtime,
  socket: string,
  options: OwnWorkerOptions,
): Promise<Worker | undefined> {
  try {
    return await Worker.start(runtime, options);
  } catch (error) {
    if (runtime.files.infoSync(socket)) throw error;
    return undefined;
  }
}

/** Opens the folder for core dumps. This process holds it until its end: no link in its place leads dumps elsewhere. */
async function openDumps(
  { files }: Runtime,
  { root, path }: FolderBelow,
): Promise<Pick<OpenFolder, "path" | "close">> {
  return await (await FilesBelow.open(files, root)).holdFolder(path);
}

/**
 * This process is not in the terminal's session, so it gets signals from the run, or from those who send them to
 * all processes of the run, such as `systemctl stop`.
 */
async function handleOwnSignals(worker: Worker): Promise<void> {
  await handleSignals({
    onStop: (signal) => {
      if (signal === "SIGINT") return worker.onRunDraining();
      // The run decides when its worker stops. After SIGTERM and SIGHUP, though, it may be about to be killed.
      if (signal !== "SIGTERM" && signal !== "SIGHUP") return;
      suspend(worker, false); // a stopped slot finishes no job
      void worker.drain();
    },
    onAsked: () => {}, // the run answers
  });
  handle("SIGTSTP", () => suspend(worker, true));
  handle("SIGCONT", () => suspend(worker, false));
}

/** This process only stops its slots and its clock, and stays awake: nobody else would notice the end of the run. */
function suspend(worker: Worker, isSuspended: boolean): void {
  if (isSuspended) systemClock.stop();
  else systemClock.start();
  worker.suspend(isSuspended);
}
