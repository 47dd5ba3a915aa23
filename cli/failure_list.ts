/** The failed jobs in the summary of a run, grouped by reason. */

import type { Failure } from "../controller/run.ts";
import { formatCount, printable } from "./format.ts";

/** A reason that more jobs share is shown once, with one name and a count. */
const NAMES_MAX = 3;

/** The widest column of names. A longer name does not move the reasons of the others to the right. */
const NAME_CHARS_MAX = 40;

/** A worker may send a very long reason. The journal has all of it. */
const REASON_CHARS_MAX = 300;

/** One line per failure, or one for all failures with the same reason: `0 and 16 more  exit code 1`. */
export function failureList(failures: readonly Failure[]): string[] {
  const rows = [...byReason(failures)].flatMap(([reason, names]) =>
    (names.length > NAMES_MAX ? [sharedBy(names)] : names).map((name) => ({ name, reason }))
  );
  const longest = Math.max(...rows.map(({ name }) => name.length));
  const width = Math.min(longest, NAME_CHARS_MAX);
  return rows.map(({ name, reason }) => `${name.padEnd(width)}  ${reason}`);
}

/** The names of failed jobs by reason, in the order in which the reasons first occurred. */
function byReason(failures: readonly Failure[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const failure of failures) {
    const reason = cut(printable(failure.reason));
    const names = groups.get(reason) ?? [];
    names.push(printable(failure.name));
    groups.set(reason, names);
  }
  return groups;
}

function sharedBy(names: readonly string[]): string {
  return `${names[0]} and ${formatCount(names.length - 1)} more`;
}

function cut(reason: string): string {
  return reason.length > REASON_CHARS_MAX ? `${reason.slice(0, REASON_CHARS_MAX)} …` : reason;
}
