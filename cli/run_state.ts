/** The state of a run as text, for those who ask with SIGUSR1. */

import type { Run, RunSnapshot } from "../controller/run.ts";
import { formatCount, formatDuration, formatNoun, formatRate, printable } from "./format.ts";
import { toStderr, type WriteLine } from "./log.ts";
import { loadingText } from "./progress_text.ts";

const PHASES: Readonly<Record<RunSnapshot["phase"], string>> = {
  running: "",
  draining: "; starting no more jobs",
  ending: "; ending",
};

/** So many workers are listed by name. */
const WORKERS_MAX = 20;

/** The widest column of workers' names. */
const NAME_CHARS_MAX = 40;

/** Answers those who ask for the state, from the start of the command until the end of the process. */
export class StateReporter {
  #state = () => "starting: no job has begun";
  #write: WriteLine = toStderr;

  onAsked(): void {
    this.#write(this.#state());
  }

  /** The run has been built. `write` puts lines above its progress bar. */
  onRun(run: Pick<Run, "snapshot">, write: WriteLine): void {
    this.#state = () => stateText(run.snapshot());
    this.#write = write;
  }
}

/** A few lines: the jobs, each worker, and the jobs that run longest. */
export function stateText({ status, phase, workers, oldest }: RunSnapshot): string {
  const shown = workers.slice(0, WORKERS_MAX);
  const more = workers.length - shown.length;
  return [
    `${headline(status, workers)}${PHASES[phase]}`,
    ...workerLines(shown),
    ...(more > 0 ? [`  and ${formatNoun(more, "more worker")}`] : []),
    ...oldest.map(({ name, worker, sentMsAgo }) =>
      `  running for ${formatDuration(sentMsAgo)} on ${printable(worker)}: ${printable(name)}`
    ),
  ].join("\n");
}

function headline(status: RunSnapshot["status"], workers: RunSnapshot["workers"]): string {
  const { done, failed, total, skipsLeft, elapsedMs } = status;
  const running = workers.reduce((sum, { slotsBusy }) => sum + slotsBusy, 0);
  const waiting = total === undefined
    ? status.queued
    : Math.max(0, total - done - failed - skipsLeft - running);
  const jobs = [
    `${formatCount(done)} done`,
    `${formatCount(failed)} failed`,
    `${formatCount(running)} running`,
    `${formatCount(waiting)} waiting${total === undefined ? " (more may come)" : ""}`,
  ];
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const loading = status.loading ? `; ${loadingText(status.loading)}` : "";
  return `after ${formatDuration(elapsedMs)}: ${jobs.join(", ")}; ` +
    `${formatNoun(workers.length, "worker")}, ${formatNoun(slots, "slot")}${loading}`;
}

function workerLines(workers: RunSnapshot["workers"]): string[] {
  const names = workers.map(({ name }) => printable(name));
  const width = Math.min(NAME_CHARS_MAX, Math.max(0, ...names.map(({ length }) => length)));
  return workers.map(({ slots, slotsBusy, jobsPerSecond, isDraining }, index) => {
    const rate = `${formatRate(jobsPerSecond)} jobs/s`;
    const draining = isDraining ? ", draining" : "";
    return `  ${names[index]?.padEnd(width)}  ${slotsBusy} of ${formatNoun(slots, "slot")} busy, ` +
      `${rate}${draining}`;
  });
}
