/** What a check has found. */

/** How a check has ended. Only `failed` makes the command fail. */
export type FindingState = "ok" | "warning" | "failed" | "skipped";

/** The result of one check. */
export interface Finding {
  /** The name of the check, one word. */
  readonly check: string;
  readonly state: FindingState;
  /** What was found, in a sentence without a period. */
  readonly text: string;
}

/** Makes findings of one check. */
export function findingsOf(check: string): Record<FindingState, (text: string) => Finding> {
  const make = (state: FindingState) => (text: string) => ({ check, state, text });
  return {
    ok: make("ok"),
    warning: make("warning"),
    failed: make("failed"),
    skipped: make("skipped"),
  };
}
