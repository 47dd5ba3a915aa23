/**
 * Whether a worker is so near that a round trip costs next to nothing. A session sends it no long job ahead then, so
 * that a request has to wait for a free slot only.
 */

import type { ConnectedWorker } from "../workers/connected_worker.ts";

/** Such a round trip. A slot that waits for the next job of 10 ms for this long loses a sixth of its time at most. */
const NEAR_MS = 2;

/** How many round trips are measured. The first ones of a program are slow, and so are some on a busy machine. */
const ROUND_TRIPS = 10;

/** Calls `onNear` if the worker is near: at once if it is on this machine, or as soon as a round trip has shown it. */
export function whenNear({ isLocal, connection }: ConnectedWorker, onNear: () => void): void {
  if (isLocal) return onNear();
  if (connection.version === 1) return; // it cannot be asked
  let measured = 0;
  const measure = () => {
    connection.ping((roundTripMs) => {
      measured += 1;
      if (roundTripMs <= NEAR_MS) onNear();
      else if (measured < ROUND_TRIPS) measure();
    });
  };
  measure();
}
