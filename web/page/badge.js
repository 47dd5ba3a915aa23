/** What a run is doing, in a word beside its name. */

import { formatCount, formatNoun, formatTime, shown } from "./format.js";

/** @typedef {import("../../watch/snapshot.ts").RunSnapshot} RunSnapshot */

const PHASES = { starting: "starting", running: "running", draining: "draining", ending: "ending" };

/** What has become of a run that is not complete, behind "the run". */
const ENDS = {
  complete: "has ended",
  interrupted: "was interrupted",
  "time limit": "was ended by its time limit",
  failures: "was ended by too many failures",
  "no worker": "has ended without a worker",
  error: "has ended with an error",
};

/**
 * How a run has ended: `was interrupted, with 7 jobs left`
 * @param {RunSnapshot["ending"]} ending
 */
export function endText(ending) {
  const left = ending?.left ? `, with ${formatNoun(ending.left, "job")} left` : "";
  return `${ENDS[ending?.end ?? "complete"]}${left}`;
}

/**
 * The word, and whether it is good news: `ended`, or `ended, 16 failed`
 * @param {Pick<RunSnapshot, "phase" | "waitsFor" | "ending"> & { jobs: Pick<RunSnapshot["jobs"], "failed"> }} run
 * @param {boolean} hasEnded
 */
export function badgeOf({ phase, waitsFor, ending, jobs: { failed } }, hasEnded) {
  if (hasEnded) {
    if (ending && ending.end !== "complete") return { text: ending.end, kind: "bad" };
    return failed > 0
      ? { text: `ended, ${formatCount(failed)} failed`, kind: "bad" }
      : { text: "ended", kind: "good" };
  }
  return waitsFor
    ? { text: `waits for ${shown(waitsFor)}`, kind: "bad" }
    : { text: PHASES[phase], kind: "good" };
}

/**
 * Why there is no answer, as far as a page can know, and what to do. The notice stands above the last state.
 * @param {RunSnapshot | import("../../watch/snapshot.ts").WorkerSnapshot | undefined} last
 * @param {boolean} isSilent somebody listens there, or the network loses everything
 */
export function lostText(last, isSilent) {
  const since = last ? ` since ${formatTime(last.at)}. This is the last state` : "";
  if (isSilent) {
    const next = last ? `; fg in its terminal, or kill -CONT ${last.pid}, has it go on` : "";
    return `No answer${since}: it is stopped, as by Ctrl-Z, or cannot be reached${next}.`;
  }
  const next = last?.kind === "run" ? `; distcomp status ${quoted(last.output)} tells` : "";
  return `No answer${since}: it has ended, or cannot be reached${next}.`;
}

/**
 * A word for a shell.
 * @param {string} text
 */
function quoted(text) {
  const word = shown(text);
  return /^[\w@%+=:,.\/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
