/** How long a worker lives, from its options and its batch system, and what it says about that. */

import process from "node:process";
import { StoppableClock } from "../../runtime/clock.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { batchEnd } from "../../system/batch_job.ts";
import { outputOf } from "../../system/command_output.ts";
import type { Log } from "../../system/log.ts";
import { type LastReason, Lifetime } from "../../worker/lifetime.ts";
import { formatDuration, formatNoun, formatTimeLeft } from "../../system/format.ts";

/** How long a batch system may take to say when a job ends. A worker does without, rather than not start. */
const ASK_MS_MAX = 10_000;

/** The options about it, in milliseconds. */
export interface LifetimeFlags {
  readonly timeLimit?: number;
  readonly idleTimeout?: number;
}

/** Ends the worker. */
export interface WorkerEnd {
  /** It takes no more jobs, and finishes those that run. */
  drain(reason: string): void;
  /** It gives up the jobs that run. */
  stop(reason: string): void;
}

/** What watches the time of a worker; `undefined` if it may run for ever. */
export async function lifetimeOf(
  runtime: Runtime,
  { timeLimit, idleTimeout }: LifetimeFlags,
  log: Log,
  end: WorkerEnd,
): Promise<Lifetime | undefined> {
  const { clock } = runtime;
  const batch = await batchEnd(process.env, (command) => answerOf(runtime, command), clock.date());
  if (!batch && timeLimit === undefined && idleTimeout === undefined) return undefined;
  const lifetime = new Lifetime({
    clock,
    steady: new StoppableClock(), // which nobody stops
    limitMs: timeLimit,
    endsAtMs: batch?.endsAtMs,
    idleMs: idleTimeout,
  }, {
    onLast: (reason) => end.drain(lastText(reason)),
    onOver: (running) =>
      end.stop(`the time is over: giving up ${formatNoun(running, "job")}, to run elsewhere`),
  });
  const source = batch && timeLimit === undefined ? `, which ${batch.system} gives it` : "";
  const { leftMs } = lifetime;
  if (leftMs < Infinity) log.info(`ending within ${formatTimeLeft(leftMs)}${source}`);
  return lifetime;
}

function lastText(reason: LastReason): string {
  if (reason.kind === "idle") return `no job for ${formatDuration(reason.idleMs)}: ending`;
  const { leftMs, expectedMs } = reason;
  if (expectedMs === 0) return "the time is nearly over: ending";
  return `${formatTimeLeft(leftMs)} left, and jobs take ${formatDuration(expectedMs)}: ` +
    "taking no more, and ending after the running ones";
}

async function answerOf(runtime: Runtime, command: readonly string[]): Promise<string | undefined> {
  try {
    const { end, stdout } = await outputOf(runtime, command, ASK_MS_MAX);
    return end.exitCode === 0 ? stdout : undefined;
  } catch {
    return undefined; // not installed here
  }
}
