/** How many workers may be connected to a run that listens, and which connection goes when there is one more. */

import { ConnectionLimit, hostOf } from "../../link/connection_limit.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../system/log.ts";
import type { ConnectedWorker } from "./connected_worker.ts";

/** More machines than one run can feed. One host may have half of the places: many workers can be behind one address. */
const WORKERS_MAX = 4_096;

/** Connections that are accepted in a second. A cluster of a thousand machines is complete in two seconds. */
const ACCEPTED_PER_SECOND = 500;

/** The limit for those who connect to a run. `workers` lists what is connected, the oldest first. */
export function workerAdmission(
  clock: Clock,
  log: Log,
  workers: () => Iterable<ConnectedWorker>,
): ConnectionLimit {
  const limits = {
    all: WORKERS_MAX,
    perHost: WORKERS_MAX / 2,
    acceptedPerSecond: ACCEPTED_PER_SECOND,
  };
  return new ConnectionLimit(clock, limits, {
    makeRoom: (host) => {
      const oldest = [...workers()].find((worker) =>
        !worker.address && worker.state.kind === "connecting" &&
        (host === undefined || hostOf({ peer: worker.name }) === host)
      );
      oldest?.connection.close(new Error("it did not introduce itself, and others need its place"));
      return oldest !== undefined;
    },
    onRefused: ({ peer }, reason) => log.warn(`refused worker ${peer}: ${reason}`),
  });
}
