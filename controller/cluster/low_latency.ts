/**
 * Whether a round trip to a worker costs next to nothing. A session then sends it no long job ahead, so that a request
 * has to wait for a free slot only.
 */

import type { ConnectedWorker } from "../workers/connected_worker.ts";

/** Such a round trip. A slot that waits for the next job of 10 ms for this long loses a sixth of its time at most. */
const LOW_LATENCY_MS = 2;

/** How many round trips are measured. The first ones of a program are slow, and so are some on a busy machine. */
const ROUND_TRIPS = 10;

/** Calls `onLowLatency` if that is so: at once if it is on this machine, or as soon as a round trip has shown it. */
export function whenLowLatency(
  { isLocal, connection }: ConnectedWorker,
  onLowLatency: () => void,
): void {
  if (isLocal) return onLowLatency();
  if (connection.version === 1) return; // it cannot be asked
  let measured = 0;
  const measure = () => {
    connection.ping((roundTripMs) => {
      measured += 1;
      if (roundTripMs <= LOW_LATENCY_MS) onLowLatency();
      else if (measured < ROUND_TRIPS) measure();
    });
  };
  measure();
}
