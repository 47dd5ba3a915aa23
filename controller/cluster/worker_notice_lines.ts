/** The lines about workers that come and go. */

import { LINES_MAX } from "../../system/burst.ts";
import { countedReasons } from "../../system/grouped_reasons.ts";

/** How workers go. `draining`: they are about to; `refusing`: they take no more jobs, and say why. */
export type Departing = "lost" | "draining" | "refusing" | "drained";

/** A worker that has come or goes. */
export interface Noticed {
  readonly name: string;
  readonly slots?: number | undefined;
  /** Why it is lost, or takes no more jobs. */
  readonly reason: string;
  /** The jobs that it had. */
  readonly jobs: number;
}

/** The lines of workers that can be used now. Each is there once, however often it has come at this moment. */
export function arrivalLines(areBack: boolean, arrivals: readonly Noticed[]): string[] {
  const workers = [...new Map(arrivals.map((worker) => [worker.name, worker])).values()];
  if (workers.length <= LINES_MAX) {
    return workers.map(({ name, slots }) => {
      const has = slots === undefined ? "" : `: ${counted(slots, "slot")}`;
      return `worker ${name} ${areBack ? "is back" : "joined"}${has}`;
    });
  }
  const slots = workers.reduce((sum, worker) => sum + (worker.slots ?? 1), 0);
  const areKnown = workers.every((worker) => worker.slots !== undefined);
  const atLeast = areKnown ? "" : "at least ";
  const have = areBack ? "are back" : "joined";
  return [`${workers.length} workers ${have}: ${atLeast}${slots} slots`];
}

/** The line of one worker that goes. */
export function departureLine(kind: Departing, { name, reason, jobs }: Noticed): string {
  if (kind === "lost") return `lost worker ${name}: ${reason}${rescheduled(jobs)}`;
  if (kind === "draining") return `worker ${name} is draining`;
  if (kind === "refusing") return `worker ${name} takes no more jobs: ${reason}`;
  return `worker ${name} has drained and disconnected${rescheduled(jobs)}`;
}

/** The line of those that went beside the ones that have lines of their own, which are `named`. */
export function moreDepartedLine(
  kind: Departing,
  workers: readonly Noticed[],
  named: readonly string[],
): string {
  const { who, isOne, times } = subjectOf(workers, named);
  const jobs = rescheduled(workers.reduce((sum, worker) => sum + worker.jobs, 0));
  if (kind === "lost") {
    return `lost ${who}${times}: ${countedReasons(workers.map(({ reason }) => reason))}${jobs}`;
  }
  if (kind === "draining") return `${who} ${isOne ? "is" : "are"} draining${times}`;
  if (kind === "refusing") {
    const reasons = countedReasons(workers.map(({ reason }) => reason));
    return `${who} ${isOne ? "takes" : "take"} no more jobs${times}: ${reasons}`;
  }
  return `${who} ${isOne ? "has" : "have"} drained and disconnected${times}${jobs}`;
}

/** A worker that comes and goes all the time is one worker. */
function subjectOf(
  workers: readonly Noticed[],
  named: readonly string[],
): { readonly who: string; readonly isOne: boolean; readonly times: string } {
  const names = new Set(workers.map(({ name }) => name));
  const { size } = names;
  const isOne = size === 1;
  if (size === workers.length && !named.some((name) => names.has(name))) {
    return { who: counted(size, "more worker"), isOne, times: "" };
  }
  const who = isOne ? `worker ${[...names]}` : `${size} workers`;
  const times = workers.length === 1 ? " once more" : ` ${workers.length} more times`;
  return { who, isOne, times };
}

function rescheduled(jobs: number): string {
  return jobs === 0 ? "" : `; ${counted(jobs, "job")} rescheduled`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
