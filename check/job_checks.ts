/** Checks of jobs, from their trials. Pure. */

import { type Finding, findingsOf } from "./finding.ts";
import { failedTrial, type InputTrials, isSound, outputOf } from "./input_trials.ts";
import { crashText, failureText, type TrialResult } from "./trial_result.ts";

/** Why a check says nothing. */
const NOT_ENDED = "no job has run to its end";

/** All checks of the jobs of some inputs. */
export function checkJobs(inputs: readonly InputTrials[]): Finding[] {
  const whole = inputs.filter((trials) => !failedTrial(trials));
  return [
    checkRuns(inputs),
    checkBounds(whole),
    checkMemory(whole),
    checkOutputs(inputs),
    checkRepeatable(inputs),
    checkProcesses(inputs),
    checkFiles(inputs),
    checkUnloading(inputs),
  ];
}

/** Whether every job ends, and how. */
function checkRuns(inputs: readonly InputTrials[]): Finding {
  const finding = findingsOf("jobs");
  for (const trials of inputs) {
    const { input, plain, again } = trials;
    const crash = [plain, again].find(
      crashesIn("start", "load", "init", "run", "output", "jobs", "after"),
    );
    if (crash) return finding.failed(`it ${crashText(crash)} (input: ${input.name})`);
    const failed = failedTrial(trials);
    if (failed) return finding.failed(`${failureText(failed)} (input: ${input.name})`);
    const problem = plain.runs.find(({ problem }) => problem)?.problem;
    if (problem) return finding.failed(`${problem} (input: ${input.name})`);
  }
  // One that crashes when its output is freed has no exit code: `checkOutputs` tells.
  if (!inputs.every(({ plain }) => plain.runs[0])) return finding.skipped(NOT_ENDED);
  const refused = inputs.filter(({ plain }) => plain.runs[0]?.exitCode !== 0);
  const count = `${inputs.length} ${inputs.length === 1 ? "input" : "inputs"}`;
  const [first] = refused;
  if (!first) return finding.ok(`${count}, each run in several processes, all with exit code 0`);
  const code = first.plain.runs[0]?.exitCode;
  if (refused.every(({ input }) => input.isBuiltIn)) {
    const which = refused.length === inputs.length ? "the built-in inputs" : first.input.name;
    return finding.ok(`${count}, no crash; exit code ${code} for ${which}: name real inputs`);
  }
  return finding.warning(`exit code ${code} for ${first.input.name}: such a job has failed`);
}

/** Whether a job stays within its input. */
function checkBounds(inputs: readonly InputTrials[]): Finding {
  const finding = findingsOf("bounds");
  for (const trials of inputs) {
    const problem = boundsProblem(trials);
    if (problem) return finding.failed(`it ${problem} (input: ${trials.input.name})`);
  }
  if (!inputs.some(({ behind }) => behind)) return finding.skipped(NOT_ENDED);
  return finding.ok("it reads and writes nothing before its input, or past it and its NUL");
}

function boundsProblem(trials: InputTrials): string | undefined {
  const { behind, behindOther, unfilled, unfilledOther, front } = trials;
  const all = [behind, behindOther, unfilled, unfilledOther];
  const guard = "which crashes where that memory is protected";
  if (isCrash(unfilled)) {
    const what = unfilled?.phase === "output" ? "has an output that reaches" : "reads or writes";
    return `${what} past the end of its input, ${guard}`;
  }
  if (isCrash(front)) return `reads or writes before its input, ${guard}`;
  if (all.some(isTorn)) return "writes past the end of its input";
  if (isTorn(front)) return "writes outside its input";
  const differs = unfilled && unfilledOther && outputOf(unfilled) !== outputOf(unfilledOther);
  if (!differs || !isRepeatable(trials)) return undefined;
  return "reads past the end of its input: its output depends on what is there";
}

/** Whether a job uses only memory that it has set, and has not freed. */
function checkMemory(inputs: readonly InputTrials[]): Finding {
  const finding = findingsOf("memory");
  const isOff = (trials: InputTrials) => {
    const { behind, behindOther, unfilled, unfilledOther } = trials;
    if (!behind || !behindOther || !unfilled || !unfilledOther) return false;
    if (boundsProblem(trials) !== undefined || !isRepeatable(trials)) return false;
    return true; // the two differ, and only in what new and freed memory is filled with
  };
  const off = inputs.find(isOff);
  if (off) {
    const { behind, behindOther, input } = off;
    const crash = [behind, behindOther].find((trial) => trial && isCrash(trial));
    const effect = crash ? `it ${crashText(crash)}` : "its output depends on what is there";
    return finding.failed(
      `it uses memory that it has freed or never set; ${effect} (input: ${input.name})`,
    );
  }
  if (!inputs.some(({ behind }) => behind)) return finding.skipped(NOT_ENDED);
  return finding.ok("its outputs are the same, whatever new and freed memory contains");
}

/** Whether outputs can be freed. */
function checkOutputs(inputs: readonly InputTrials[]): Finding {
  const finding = findingsOf("outputs");
  for (const { input, plain, again } of inputs) {
    const crash = [plain, again].find(crashesIn("free"));
    if (!crash) continue;
    return finding.failed(
      `it ${crashText(crash)}: was the output freed twice, or not made by malloc? ` +
        `(input: ${input.name})`,
    );
  }
  const inside = inputs.find(({ plain }) => plain.runs.some(({ isInInput }) => isInInput));
  if (inside) {
    return finding.failed(
      `its output lies in its input, which is freed when worker_run_job returns (input: ${inside.input.name})`,
    );
  }
  if (!inputs.some(({ plain }) => plain.runs.length > 0)) {
    return finding.skipped(NOT_ENDED);
  }
  return finding.ok("worker_free_outdata takes each output once");
}

/** Whether the same input gives the same output. */
function checkRepeatable(inputs: readonly InputTrials[]): Finding {
  const finding = findingsOf("repeatable");
  const compared = inputs.filter(({ plain, again }) => isSound(plain) && isSound(again));
  if (compared.length === 0) return finding.skipped(NOT_ENDED);
  for (const { input, plain, again } of compared) {
    if (outputOf(plain) !== outputOf(again)) {
      return finding.warning(
        `two processes give different outputs for ${input.name}: --verify cannot be used, and a ` +
          "job that is run again gives another output",
      );
    }
    if (outputOf(plain, 0) === outputOf(plain, 1)) continue;
    return finding.warning(
      `the second job of a process gives another output for ${input.name}: something is kept from ` +
        "the job before",
    );
  }
  return finding.ok("the same input gives the same output, in one process and in several");
}

/** Whether a job leaves processes behind. */
function checkProcesses(inputs: readonly InputTrials[]): Finding {
  const finding = findingsOf("processes");
  const count = Math.max(
    0,
    ...inputs.map(({ plain: { left, survivors } }) => Math.max(left?.processes ?? 0, survivors)),
  );
  if (count === 0) {
    if (!inputs.some(({ plain }) => plain.left)) return finding.skipped(NOT_ENDED);
    return finding.ok("no process is left after a job");
  }
  const what = count === 1 ? "a process" : `${count} processes`;
  return finding.warning(`${what} left after two jobs: wait for it before worker_run_job returns`);
}

/** Whether a job leaves its working directory as it was. */
function checkFiles(inputs: readonly InputTrials[]): Finding {
  const finding = findingsOf("files");
  const lefts = inputs.flatMap(({ plain }) => plain.left ?? []);
  if (lefts.length === 0) return finding.skipped(NOT_ENDED);
  if (lefts.some(({ files }) => files === null)) {
    return finding.warning(
      "it removes its working directory, which the next job of the slot needs",
    );
  }
  const names = [...new Set(lefts.flatMap(({ files }) => files ?? []))];
  if (names.length === 0) return finding.ok("no file is left in the working directory");
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return finding.warning(
    `it leaves ${names.slice(0, 3).join(", ")}${more} in its working directory, ` +
      "which the next job of the slot will find there",
  );
}

/** Whether the core can be unloaded after its jobs. */
function checkUnloading(inputs: readonly InputTrials[]): Finding {
  const finding = findingsOf("unload");
  const crash = inputs.map(({ plain }) => plain).find(crashesIn("unload"));
  if (crash) return finding.failed(`it ${crashText(crash)}`);
  if (!inputs.some(({ plain }) => plain.phase === "unload")) {
    return finding.skipped(NOT_ENDED);
  }
  return finding.ok("its destructors run, and the process ends");
}

function crashesIn(...phases: TrialResult["phase"][]): (trial: TrialResult) => boolean {
  return (trial) => trial.crash !== undefined && phases.includes(trial.phase);
}

/** Whether a trial has crashed before its job was over. */
function isCrash(trial: TrialResult | undefined): boolean {
  return trial !== undefined && !isSound(trial);
}

function isTorn(trial: TrialResult | undefined): boolean {
  return trial?.runs.some(({ isIntact }) => !isIntact) ?? false;
}

function isRepeatable({ plain, again }: InputTrials): boolean {
  return outputOf(plain) === outputOf(again);
}
