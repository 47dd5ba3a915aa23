/** Which workers a run uses, of those that it could: by their labels, names and addresses. */

import { hostOf, type RefusalOf } from "./connected_worker.ts";

/** What the user wants. */
export interface Selection {
  /** Labels, each `NAME=VALUE`, that a worker must have, all of them. */
  readonly only?: readonly string[] | undefined;
  /** Names of machines, hosts or addresses. */
  readonly exclude?: readonly string[] | undefined;
}

/** The rule for a selection. */
export function refusalBySelection({ only = [], exclude = [] }: Selection): RefusalOf {
  return (name, description) => {
    const { machine = "", labels = [] } = description ?? {};
    const names = [name, hostOf(name), name.replace(/^ssh:\/\/(?:.*@)?/, ""), machine];
    const excluded = exclude.find((it) => names.includes(it));
    if (excluded !== undefined) return `--exclude ${excluded}`;
    const missing = only.filter((label) => !labels.includes(label));
    return missing.length === 0 ? undefined : `it does not have the label ${missing.join(", ")}`;
  };
}
