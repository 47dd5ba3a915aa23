/** States of runs, for what shows them. */

import type { RunStatus } from "../../controller/run.ts";

const HALF_WAY: RunStatus = {
  phase: "running",
  endpoints: 2,
  slots: 16,
  slotsBusy: 11,
  slotsAreKnown: true,
  queued: 64,
  queuedBytes: 64_000,
  inFlight: 32,
  workers: 2,
  done: 500,
  failed: 0,
  skippedDone: 0,
  skippedFailed: 0,
  unread: 0,
  skipsLeft: 0,
  total: 1000,
  bytesIn: 500_000,
  bytesOut: 1_500_000,
  elapsedMs: 10_000,
  busyPart: 0.97,
  lost: 0,
  copies: { started: 0, won: 0, running: 0 },
  faults: { exitCodes: 0, crashes: 0, timeouts: 0, memory: 0, lost: 0 },
  failures: [],
  failureGroups: [],
};

/** A run that is half way through, except where `changes` says otherwise. */
export function statusWith(changes: Partial<RunStatus> = {}): RunStatus {
  return { ...HALF_WAY, ...changes };
}
