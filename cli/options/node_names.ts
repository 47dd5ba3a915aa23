/** Names and labels of workers, as they are typed. */

import { LABELS_MAX } from "../../protocol/mod.ts";
import { isLabel } from "../../system/label.ts";
import { UsageError } from "../program/usage_error.ts";

/** Letters, digits and what names of hosts and versions have. */
const NAME = /^[\w.:@/+-]{1,100}$/;

/** Parses `--name`. */
export function parseName(text: string): string {
  if (NAME.test(text)) return text;
  throw new UsageError(`--name must be letters, digits and ._:@/+-, 100 at most, not "${text}"`);
}

/** Parses a label, which may be given several times, and adds it to the others. */
export function parseLabel(option: string, text: string, others: readonly string[]): string[] {
  if (!isLabel(text)) {
    throw new UsageError(`${option} must be a name and a value, such as gpu=a100, not "${text}"`);
  }
  const labels = [...new Set([...others, text])];
  if (labels.length <= LABELS_MAX) return labels;
  throw new UsageError(`${option} is given more than ${LABELS_MAX} times`);
}
