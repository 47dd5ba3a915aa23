/** The workers whose outputs `--verify` has found wrong, and which other outputs of theirs nobody has looked at. */

import type { VerifiedCounts, WrongWorker } from "../../controller/cluster/verified_counts.ts";
import { formatCount, formatNoun, printable } from "../../system/format.ts";
import { shellWord } from "../../system/shell_word.ts";

/** The most workers that are named, those with most outputs to look at. If there are more, the core is the cause. */
const NAMED_MAX = 10;

/** A line for each worker, and what to do about its other outputs. `isPack`: they are in one file. */
export function wrongWorkerLines(
  { wrongWorkers }: Pick<VerifiedCounts, "wrongWorkers">,
  journal: string,
  isPack: boolean,
): string[] {
  const named = wrongWorkers
    .toSorted((one, other) => other.unverified - one.unverified)
    .slice(0, NAMED_MAX);
  const left = wrongWorkers.length - named.length;
  return [
    ...named.map(workerLine),
    ...(left > 0 ? [`${formatNoun(left, "more worker")} gave wrong outputs`] : []),
    ...adviceLines(named.filter(({ unverified }) => unverified > 0), journal, isPack),
  ];
}

function workerLine({ worker, outvoted, unverified }: WrongWorker): string {
  const accepted = unverified === 1 ? "output of it was" : "outputs of it were";
  const doubt = unverified === 0
    ? ""
    : `; ${formatCount(unverified)} other ${accepted} accepted unverified`;
  return `worker ${printable(worker)} gave ${formatNoun(outvoted, "wrong output")}${doubt}`;
}

function adviceLines(doubted: readonly WrongWorker[], journal: string, isPack: boolean): string[] {
  if (doubted.length === 0) return [];
  const nodes = doubted.flatMap(({ nodes }) => nodes).map((node) => JSON.stringify(node));
  const filter = `select(.state == "done" and .node == (${[...new Set(nodes)].join(",")}) ` +
    "and (.verified | not)).input";
  return [
    `  to name unverified outputs: jq -r ${shellWord(filter)} ${shellWord(journal)}`,
    isPack
      ? "  to run all jobs again: repeat the command with --fresh"
      : "  to run these jobs again: remove their outputs, and repeat the command (without --fresh)",
  ];
}
