/** What the workers of a run are called on a screen: short, and different from each other. */

import type { WorkerEntry } from "../../watch/snapshot.ts";
import { printable } from "../../system/format.ts";

/** The address of the worker that a run has started itself. */
const OWN_WORKER = "this machine";

/** Behind the name of a node that several workers have. */
const NUMBER = /#\d+$/;

/** The label of each worker, by its address: the name of its node, with the address where several say the same. */
export function workerLabels(
  workers: readonly Pick<WorkerEntry, "name" | "address">[],
): Map<string, string> {
  const counts = new Map<string, number>();
  for (const { name } of workers) counts.set(saidOf(name), (counts.get(saidOf(name)) ?? 0) + 1);
  return new Map(workers.map(({ name, address }) => [address, labelOf(name, address, counts)]));
}

function labelOf(name: string, address: string, counts: ReadonlyMap<string, number>): string {
  if (address === OWN_WORKER || name === address) return printable(address);
  return printable(counts.get(saidOf(name)) === 1 ? name : `${name} (${address})`);
}

function saidOf(name: string): string {
  return name.replace(NUMBER, "");
}
