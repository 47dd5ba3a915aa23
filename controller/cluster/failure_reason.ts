/** Why a job has failed, as one line of bounded length. */

import type { JobResult } from "../../protocol/mod.ts";
import { oneLine } from "../../system/printable.ts";
import { withReason } from "../../system/failure_line.ts";
import type { Answer } from "../answer.ts";

/** The most characters of a failed job's output that are shown as its reason. */
const OUTPUT_CHARS_MAX = 200;

/** If a job has failed for several reasons, this much of each is shown: the rest of a line helps nobody. */
const REASON_CHARS_MAX = 200;

/** The most reasons that are named, and the most nodes for each. */
const REASONS_MAX = 3;
const NODES_MAX = 3;

/** The prefix of the crash messages of distcomp's own workers. */
const CRASHED = "crashed: ";

/** `node9` comes before `node10`. */
const BY_NAME = new Intl.Collator("en", { numeric: true });

/** A failure, and the name of the node on which the job has failed. */
export interface FailureAt {
  readonly node: string;
  readonly reason: string;
}

/**
 * The reason of a non-zero exit code: the code, and the first line of the output if that is text. Otherwise, the
 * line that says why among the last ones that the job printed.
 */
export function exitCodeReason(
  { exitCode, output }: JobResult,
  lastLines: readonly string[] = [],
): string {
  const start = new TextDecoder().decode(output.subarray(0, 4 * OUTPUT_CHARS_MAX));
  const line = start.split("\n", 1)[0]?.trim() ?? "";
  // A line with control characters is not text, and is not shown.
  const isText = line !== "" && oneLine(line) === line && !line.includes("\ufffd");
  return isText
    ? `exit code ${exitCode}: ${line.slice(0, OUTPUT_CHARS_MAX)}`
    : withReason(`exit code ${exitCode}`, lastLines);
}

/** The reason of one failed answer. */
export function reasonOfAnswer(answer: Answer): string {
  return answer.kind === "result"
    ? exitCodeReason(answer.result, answer.lastLines)
    : answer.message;
}

/** A worker counts the ends of slots that are no attempts, such as those by SIGTERM, itself. */
const COUNTED = /, \d+ times while it ran$/;

/** Whether the message of an error says how often its job has run. */
export function isCounted(answer: Answer): boolean {
  return answer.kind === "error" && COUNTED.test(answer.message);
}

/** Adds the number of crashes to an error, as the worker's message is only about the last attempt. */
export function withCrashes(answer: Answer, crashes: number): Answer {
  if (answer.kind !== "error" || crashes < 2) return answer;
  return { ...answer, message: countedCrashes(answer.message, crashes) };
}

function countedCrashes(message: string, crashes: number): string {
  if (COUNTED.test(message)) return message;
  const count = `in ${crashes} attempts`;
  return message.startsWith(CRASHED)
    ? `crashed ${count}: ${message.slice(CRASHED.length)}`
    : `${message}, ${count}`;
}

/** Why a job has failed on several nodes. */
export interface ReasonsOnSeveral {
  /** Each reason with its nodes: `crashed: SIGILL on node-a; exit code 1 on node-b and node-c`. */
  readonly reason: string;
  /** The same without nodes, in a fixed order: what jobs that fail alike have in common. */
  readonly sharedReason: string;
}

/** The reasons of a job that has failed on several nodes. */
export function reasonsOnSeveral(
  failures: readonly FailureAt[],
  crashes: number,
): ReasonsOnSeveral {
  const nodesOf = new Map<string, Set<string>>();
  for (const { node, reason } of failures) {
    nodesOf.set(reason, (nodesOf.get(reason) ?? new Set()).add(node));
  }
  const isOne = nodesOf.size === 1;
  const all = [...nodesOf].map(([reason, nodes]) => ({
    text: cut(isOne && crashes > 1 ? countedCrashes(reason, crashes) : reason),
    nodes: [...nodes].sort(BY_NAME.compare),
  }));
  return {
    reason: firstOf(all.map(({ text, nodes }) => `${text} on ${listed(nodes)}`), " elsewhere"),
    sharedReason: firstOf(all.map(({ text }) => text).sort(), ""),
  };
}

function firstOf(texts: readonly string[], where: string): string {
  const left = texts.length - REASONS_MAX;
  const rest = left > 0 ? [`${left} other ${left === 1 ? "reason" : "reasons"}${where}`] : [];
  return [...texts.slice(0, REASONS_MAX), ...rest].join("; ");
}

/** Names in a list: `a`, `a and b`, `a, b and c`, `a, b, c and 4 more`. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, NODES_MAX);
  const left = names.length - shown.length;
  const last = left > 0 ? `${left} more` : shown.pop() ?? "";
  return shown.length > 0 ? `${shown.join(", ")} and ${last}` : last;
}

function cut(text: string): string {
  return text.length <= REASON_CHARS_MAX ? text : `${text.slice(0, REASON_CHARS_MAX - 1)}…`;
}
