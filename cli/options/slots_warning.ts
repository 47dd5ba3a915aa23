/** What many more slots than CPUs mean, said before they start. */

import { formatCount, formatNoun } from "../../system/format.ts";
import { usableCpus } from "../../system/usable_cpus.ts";

/** Jobs that wait for a disk or a server may want several slots for each CPU, but hardly so many. */
const SLOTS_PER_CPU = 16;

/** `undefined` if that many are usual. */
export function slotsWarning(slots: number, cpus = usableCpus()): string | undefined {
  if (slots <= SLOTS_PER_CPU * cpus) return undefined;
  return `${formatCount(slots)} slots on ${
    formatNoun(cpus, "CPU")
  }: each is a process, and so many take long to ` +
    "start; more slots than CPUs help only jobs that wait";
}
