/** The failed jobs in the summary of a run, grouped by reason. */

import type { FailureGroup } from "../../controller/failure_groups.ts";
import { formatCount, printable } from "../../system/format.ts";
import { padded, widthOf } from "../terminal/terminal_text.ts";

/** A reason that more jobs share is shown once, with one name and a count. */
const NAMES_MAX = 3;

/** With more lines, each reason has only one. */
const LINES_MAX = 20;

/** The widest column of names. A longer name does not move the reasons of the others to the right. */
const NAME_COLUMNS_MAX = 40;

/** A worker may send a very long reason, and a name may be long. The journal has all of it. */
const SHOWN_CHARS_MAX = 300;

/** One line per failure, or one for all failures with the same reason: `0 and 16 more  exit code 1`. */
export function failureList(groups: readonly FailureGroup[]): string[] {
  const lines = groups.reduce((sum, { jobs }) => sum + (jobs > NAMES_MAX ? 1 : jobs), 0);
  const namesMax = lines > LINES_MAX ? 1 : NAMES_MAX;
  const rows = groups.flatMap((group) =>
    namesOf(group, namesMax).map((name) => ({
      name,
      reason: cut(printable(group.error ?? group.reason)),
    }))
  );
  const longest = Math.max(...rows.map(({ name }) => widthOf(name)));
  const width = Math.min(longest, NAME_COLUMNS_MAX);
  return rows.map(({ name, reason }) => `${padded(name, width)}  ${reason}`);
}

function namesOf({ names, jobs }: FailureGroup, namesMax: number): string[] {
  const [first = ""] = names;
  if (jobs > namesMax) return [`${cut(printable(first))} and ${formatCount(jobs - 1)} more`];
  return names.map((name) => cut(printable(name)));
}

function cut(text: string): string {
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)} …` : text;
}
