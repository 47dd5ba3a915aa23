/** What a run is doing, in a word beside its name. */

import { formatCount, shown } from "./format.js";

/** @typedef {import("../../watch/snapshot.ts").RunSnapshot} RunSnapshot */

const PHASES = { starting: "starting", running: "running", draining: "draining", ending: "ending" };

/**
 * The word, and whether it is good news: `ended`, or `ended, 16 failed`
 * @param {Pick<RunSnapshot, "phase" | "waitsFor"> & { jobs: Pick<RunSnapshot["jobs"], "failed"> }} run
 * @param {boolean} hasEnded
 */
export function badgeOf({ phase, waitsFor, jobs: { failed } }, hasEnded) {
  if (hasEnded) {
    return failed > 0
      ? { text: `ended, ${formatCount(failed)} failed`, kind: "bad" }
      : { text: "ended", kind: "good" };
  }
  return waitsFor
    ? { text: `waits for ${shown(waitsFor)}`, kind: "bad" }
    : { text: PHASES[phase], kind: "good" };
}
