/** The state of a worker as text, for those who ask with SIGUSR2. */

import type { WorkerStatus } from "../../protocol/mod.ts";
import { formatBytes, formatCount, formatNoun, printable } from "../../system/format.ts";
import { shortKey } from "./core_key.ts";

/** The most controllers that are named. */
const CONTROLLERS_MAX = 5;

/** The lines of the state. */
export function workerStateLines(status: WorkerStatus): string[] {
  const { slots, slotsBusy, jobsWaiting, jobs, isDraining, cores } = status;
  const busy = `${formatCount(slotsBusy)} of ${formatNoun(slots, "slot")} busy`;
  const draining = isDraining ? "draining: " : "";
  const { slotsBytes, memoryFreeBytes } = status;
  const used = slotsBytes === null ? "" : `${formatBytes(slotsBytes)} in slots, `;
  return [
    `${draining}${busy}, ${formatNoun(jobsWaiting, "job")} waiting`,
    `  jobs so far: ${formatCount(jobs.done)} done, ${formatCount(jobs.failed)} failed`,
    `  ${controllersText(status.controllers)}`,
    ...cores.map(({ name, sha256, slots }) =>
      `  core ${printable(name)} (${shortKey(sha256)}) in ${formatNoun(slots, "slot")}`
    ),
    `  memory: ${used}${formatBytes(memoryFreeBytes)} free`,
  ];
}

function controllersText(controllers: readonly string[]): string {
  if (controllers.length === 0) return "no controller";
  const named = controllers.slice(0, CONTROLLERS_MAX).map(printable).join(", ");
  const more = controllers.length - CONTROLLERS_MAX;
  const rest = more > 0 ? ` and ${formatCount(more)} more` : "";
  return `${formatNoun(controllers.length, "controller")}: ${named}${rest}`;
}
