/** What the journal of a run that is over says about its jobs. Nothing is written. */

import { readJournal } from "../controller/output/journal/journal_reader.ts";
import type { ReadRecord, RunEvent } from "../controller/output/journal/journal_record.ts";
import { OfLastRun } from "../controller/output/journal/last_run.ts";
import type { RunEnding } from "../controller/output/journal/run_ending.ts";
import type { FolderFiles } from "../runtime/files/files_below.ts";
import type { OverRun } from "./find_run.ts";
import { mostFrequent, PastJobs, UnusedInputs } from "./past_failures.ts";
import { type PastRun, SNAPSHOT_VERSION } from "./snapshot.ts";

/** How the last run has ended. */
class LastEnding {
  #ending: RunEnding | undefined;
  #isOpen = false;
  /** How many jobs the last run has finished. */
  finished = 0;
  #queuedAtMs = 0;
  /** When the last job of earlier runs was queued. */
  #queuedBeforeMs = 0;

  onRun(event: RunEvent, ending: RunEnding | undefined): void {
    this.#isOpen = event === "begun";
    if (this.#isOpen) {
      this.finished = 0;
      this.#queuedBeforeMs = this.#queuedAtMs;
    }
    if (ending) this.#ending = ending; // without one, a run has taken the outputs, and has not begun
  }

  /** Some job has ended since: an older ending says nothing of it. */
  onRecord({ queuedAt }: ReadRecord): void {
    // Records of earlier runs are repeated as they are, once their outputs are checked.
    if (queuedAt === undefined || queuedAt > this.#queuedBeforeMs) this.finished += 1;
    this.#queuedAtMs = Math.max(this.#queuedAtMs, queuedAt ?? 0);
    if (this.#isOpen) this.#ending = undefined;
  }

  /** The jobs of the last run, if it is complete: the journal may have others, of inputs that are gone since. */
  get jobs(): PastRun["jobs"] | undefined {
    const { done, failed } = this.#ending ?? {};
    return this.#isOpen || done === undefined || failed === undefined
      ? undefined
      : { done, failed };
  }

  get all(): Pick<PastRun, "end" | "left" | "error"> {
    // It has given its outputs back, but not noted that in its journal: a full disk takes no further line.
    if (this.#isOpen) return { end: "unknown", left: null };
    const { end = "ended", left = null, error } = this.#ending ?? {};
    return { end, left, ...(error === undefined ? {} : { error }) };
  }
}

/** Reads the journal of a run that is over. */
export async function readPastRun(
  files: FolderFiles,
  journal: string,
  output: string,
  { end, toRun }: Pick<OverRun, "end" | "toRun">,
): Promise<PastRun> {
  const sent = new PastJobs();
  const unusedOfLast = new OfLastRun(() => new UnusedInputs());
  const last = new LastEnding();
  let damagedLines = 0;
  await readJournal(files, journal, {
    onRecord: (record) => {
      const unused = unusedOfLast.value;
      if (record.attempt === 0) unused.onRecord(record);
      else sent.onRecord(record);
      last.onRecord(record);
    },
    onRun: (event, ending) => {
      unusedOfLast.onRun(event, ending);
      last.onRun(event, ending);
    },
    onFlaw: () => damagedLines += 1,
  });
  const wasKilled = end === "killed";
  const counted = wasKilled ? undefined : last.jobs;
  const left = toRun === undefined ? null : Math.max(0, toRun - last.finished);
  const ending = wasKilled ? { end, left } : last.all;
  return {
    v: SNAPSHOT_VERSION,
    kind: "past",
    output,
    ...ending,
    ...jobsOf(sent, unusedOfLast.value, counted),
    damagedLines,
  };
}

/** `counted`: the jobs of the last run alone, if they are known. */
function jobsOf(
  sent: PastJobs,
  unused: UnusedInputs,
  counted: PastRun["jobs"] | undefined,
): Pick<PastRun, "jobs" | "unread" | "otherOutputs" | "otherFailures" | "failures"> {
  const { done, failed } = sent.counts;
  const unread = unused.count;
  const jobs = counted ?? { done, failed: failed + unread };
  const failedOfLast = Math.max(0, jobs.failed - unread);
  const others = failedOfLast > 0 ? sent.failures : []; // otherwise, all are of inputs that are gone since
  return {
    jobs,
    unread,
    otherOutputs: Math.max(0, done - jobs.done),
    otherFailures: others.length > 0 ? Math.max(0, failed - failedOfLast) : 0,
    failures: mostFrequent([...others, ...unused.failures]),
  };
}
