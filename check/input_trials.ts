/** The trials of one input: plain ones, and some whose memory is filled and guarded in different ways. */

import type { TrialResult } from "./trial_result.ts";
import type { Trials } from "./trials.ts";

/** Fills memory that nobody may read: what a trial makes of it shows in its output. */
const CANARIES = [0xaa, 0x55] as const;

/** An input of the check. */
export interface CheckedInput {
  /** Its name for people. */
  readonly name: string;
  readonly path: string;
  readonly isBuiltIn: boolean;
}

/** The trials of one input, each in a new process. Trials that would show nothing are undefined. */
export interface InputTrials {
  readonly input: CheckedInput;
  /** Two runs in plain memory, as in a slot, and the same once more. */
  readonly plain: TrialResult;
  readonly again: TrialResult;
  /** Protected memory behind the input. What is free, or left up to there, is filled: with one byte, with another. */
  readonly behind: TrialResult | undefined;
  readonly behindOther: TrialResult | undefined;
  /** The same two, but new memory is not filled. Only if the two above differ, or crash. */
  readonly unfilled: TrialResult | undefined;
  readonly unfilledOther: TrialResult | undefined;
  /** Protected memory in front of the input. */
  readonly front: TrialResult | undefined;
}

/** Runs the trials of an input. */
export async function tryInput(trials: Trials, input: CheckedInput): Promise<InputTrials> {
  const options = { input: input.path };
  const behind = (index: 0 | 1, isFilled: boolean) => {
    const canary = CANARIES[index];
    const env = isFilled ? { MALLOC_PERTURB_: String(canary) } : {};
    return trials.run({ ...options, guard: { side: "behind", canary }, env });
  };
  const plain = await trials.run({ ...options, runs: 2 });
  const again = await trials.run({ ...options, runs: 2 });
  const rest = { behind: undefined, behindOther: undefined, front: undefined };
  const none = { unfilled: undefined, unfilledOther: undefined };
  if (!isSound(plain) || !isSound(again)) return { input, plain, again, ...rest, ...none };
  const filled = { behind: await behind(0, true), behindOther: await behind(1, true) };
  const front = await trials.run({ ...options, guard: { side: "front", canary: CANARIES[0] } });
  const areSame = isSound(filled.behind) && isSound(filled.behindOther) &&
    outputOf(filled.behind) === outputOf(filled.behindOther);
  const unfilled = areSame
    ? none
    : { unfilled: await behind(0, false), unfilledOther: await behind(1, false) };
  return { input, plain, again, ...filled, ...unfilled, front };
}

/** Whether the trial has run all its runs. Unloading may have failed. */
export function isSound({ crash, failure, phase }: TrialResult): boolean {
  return failure === undefined && (crash === undefined || phase === "unload");
}

/** The first trial that stopped early without a crash, for example because the core did not load a second time. */
export function failedTrial(trials: InputTrials): TrialResult | undefined {
  const { plain, again, behind, behindOther, unfilled, unfilledOther, front } = trials;
  return [plain, again, behind, behindOther, unfilled, unfilledOther, front]
    .find((trial) => trial?.failure !== undefined);
}

/** The exit code and the output of a run, to be compared; `undefined` if it has not come to that. */
export function outputOf({ runs }: TrialResult, index = 0): string | undefined {
  const run = runs[index];
  return run && `${run.exitCode} ${run.output}`;
}
