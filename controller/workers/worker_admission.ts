/** How many workers may be connected to a run that listens, and which connection goes when there is one more. */

import type { AcceptRate } from "../../link/accept_pace.ts";
import { ConnectionLimit, type ConnectionLimits, hostOfPeer } from "../../link/connection_limit.ts";
import type { Runtime } from "../../runtime/ports.ts";
import type { Log } from "../../system/log.ts";
import { openFilesMax } from "../../system/open_files.ts";
import { type ProcFiles, thisSystem } from "../../runtime/proc_files.ts";
import type { ConnectedWorker } from "./connected_worker.ts";

/**
 * More machines than one run can feed. One host may have half of the places: many workers can be behind one address.
 */
const WORKERS_MAX = 4_096;

/** At least as many, however few files may be open: a run that listens needs workers. */
const WORKERS_MIN = 8;

/**
 * Open files of the run itself: folders of its output (128), inputs that are read, outputs that are written, the
 * journal, cores and their files, workers that it has started, connections that are told why they are closed.
 */
const OWN_FILES = 256;

/** Connections that are accepted. A cluster of a thousand machines is complete in two seconds. */
const ACCEPTED: AcceptRate = { perSecond: 500, atOnce: 256 };

/**
 * The limits of a run. Each worker is one open file, also those that it has dialed, and the system may allow fewer than
 * the run does.
 */
export function workerLimits(
  system: ProcFiles = thisSystem,
  dialed: { readonly taken: number } = { taken: 0 },
): ConnectionLimits {
  const filesMax = openFilesMax(system);
  const left = () => filesMax - OWN_FILES - dialed.taken;
  const all = () => Math.max(WORKERS_MIN, Math.min(WORKERS_MAX, left()));
  return {
    get all() {
      return all();
    },
    get perHost() {
      return Math.ceil(all() / 2);
    },
    get filesMax() {
      return left() < WORKERS_MAX ? filesMax : undefined;
    },
    accepted: ACCEPTED,
  };
}

/** The limit for those who connect to a run. `workers` lists what is connected, the oldest first. */
export function workerAdmission(
  { clock, system }: Pick<Runtime, "clock" | "system">,
  log: Log,
  dialed: { readonly taken: number },
  workers: () => Iterable<ConnectedWorker>,
): ConnectionLimit {
  return new ConnectionLimit(clock, workerLimits(system, dialed), {
    makeRoom: (host) => {
      const oldest = [...workers()].find((worker) =>
        !worker.address && worker.state.kind === "connecting" &&
        (host === undefined || hostOfPeer({ peer: worker.origin }) === host)
      );
      oldest?.connection.close(new Error("it did not introduce itself, and others need its place"));
      return oldest !== undefined;
    },
    onRefused: ({ peer }, reason) => log.warn(`refused worker ${peer}: ${reason}`),
  });
}
