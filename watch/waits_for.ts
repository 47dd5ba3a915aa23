/** What keeps a run from going faster, in words. */

import type { RunView } from "../controller/run.ts";

/** `null` if it waits for nothing but its slots, or if it ends. */
export function waitsFor({ status, isReading, waitsForOutputs }: RunView): string | null {
  const { phase, workers, loading, awaitedVoter, queued, slots, slotsBusy, inFlight } = status;
  if (phase === "ending") return null;
  if (workers === 0) return `workers: none is connected${lostText(status.lost)}`;
  if (waitsForOutputs) return "the disk: results come faster than they are written";
  if (phase === "draining") return counted(inFlight, "the job that runs", "jobs that run");
  if (loading && slotsBusy === 0) {
    return `the core: ${loading.slots} of ${loading.slotsTotal} slots load it`;
  }
  if (awaitedVoter !== undefined && slotsBusy === 0) return awaitedVoter;
  if (queued > 0 || slotsBusy >= slots) return null;
  if (isReading) return "inputs: slots are idle until more of them are read";
  return counted(inFlight, "the last job", "last jobs");
}

function lostText(lost: number): string {
  return lost === 0 ? "" : lost === 1 ? ", one was lost" : `, ${lost} were lost`;
}

function counted(count: number, one: string, many: string): string | null {
  if (count === 0) return null;
  return count === 1 ? one : `the ${count} ${many}`;
}
