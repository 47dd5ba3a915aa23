/** What is said of a pack that cannot be written anew without what has been superseded, because its journal is damaged. */

import { shownName } from "../../../runtime/files/file_name.ts";
import type { FolderFiles } from "../../../runtime/files/files_below.ts";
import { NameIndex } from "../journal/name_index.ts";
import { readJournal } from "../journal/journal_reader.ts";
import type { ReadRecord } from "../journal/journal_record.ts";

/** So many jobs are named. */
const NAMES_MAX = 3;

/** What the journal says of a job's output. */
const State = {
  /** It has no entry in the pack. */
  none: 0,
  current: 1,
  /** The job has failed since. */
  stale: 2,
} as const;

/** A warning about the entries that stay in a pack. It names jobs that have failed, and still have one. */
export async function staleEntriesText(
  files: FolderFiles,
  pack: string,
  journal: string,
): Promise<string> {
  const { count, names } = await staleJobs(files, journal);
  const more = count > names.length ? ` and ${count - names.length} more` : "";
  const failed = count === 0
    ? ""
    : `, and those of jobs that have failed since: ${names.map(shownName).join(", ")}${more}`;
  return `the journal of the pack "${pack}" is damaged, so outputs that were superseded may stay in it: ` +
    `of two with one name, the later one counts${failed}; --fresh rewrites the pack`;
}

/** The jobs that have an entry and have failed since, and the names of the first of them. */
async function staleJobs(
  files: FolderFiles,
  journal: string,
): Promise<{ readonly count: number; readonly names: readonly string[] }> {
  const jobs = new NameIndex();
  const states: number[] = [];
  await eachRecord(files, journal, ({ input, state, packBytes = 0 }) => {
    const job = jobs.add(input);
    if (state === "done") states[job] = packBytes > 0 ? State.current : State.none;
    else if ((states[job] ?? State.none) !== State.none) states[job] = State.stale;
  });
  const count = states.filter((state) => state === State.stale).length;
  const names = new Set<string>();
  if (count === 0) return { count, names: [] };
  await eachRecord(files, journal, ({ input }) => {
    if (names.size < NAMES_MAX && states[jobs.add(input)] === State.stale) names.add(input);
  });
  return { count, names: [...names] };
}

/** The records of jobs that were sent: others say nothing about outputs. */
async function eachRecord(
  files: FolderFiles,
  journal: string,
  onRecord: (record: ReadRecord) => void,
): Promise<void> {
  await readJournal(files, journal, {
    onRecord: (record) => record.attempt > 0 && onRecord(record),
    onRun() {},
    onFlaw() {},
  });
}
