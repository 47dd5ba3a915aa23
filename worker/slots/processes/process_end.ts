/** What the end of a slot's process says about who ended it. */

import os from "node:os";
import type { Link } from "../../../link/link.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { ProcessEnd } from "../../../runtime/ports.ts";
import { saysWhy, withReason } from "../../../system/failure_line.ts";
import type { Lines } from "../../job.ts";

/**
 * Who ended a process. `self`: its job or its core, as far as anybody can know, or the worker because of them.
 * `killed`: something outside the worker. `terminated`: somebody asked it to end, with a signal that system
 * managers send to all processes of a service at once.
 */
export type EndCause = "self" | "killed" | "terminated";

/** Signals that ask a process to end: from `kill`, `systemctl stop`, `scancel`, a terminal. */
const TERMINATING = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"];

/** Signals of a system that has run out of memory, or of a process that has used up its CPU time. */
const KILLING = ["SIGKILL", "SIGXCPU"];

/** Go ends a process by this signal after a crash in C code, when it has printed what it was. */
const AFTER_CRASH = "SIGQUIT";

/**
 * How long its last answers are read. They are in the socket already when it has died; this is for a loaded machine.
 */
const LAST_ANSWERS_MS = 1_000;

/**
 * Reads the answers that a process has sent before it exited, and those that it held back. `closed`: the link's end.
 */
export async function readLastAnswers(
  link: Link,
  closed: Promise<unknown>,
  clock: Clock,
): Promise<void> {
  const timer = clock.after(LAST_ANSWERS_MS, () => link.close());
  await closed;
  timer.stop();
}

/** Who ended a process that this worker has not ended itself; `undefined` if it is given up. */
export function causeOf(end: ProcessEnd | undefined, lastLines: Lines): EndCause {
  if (!end) return "killed";
  const { signal } = end;
  if (signal === undefined) return "self";
  if (signal === AFTER_CRASH && lastLines.some(saysWhy)) return "self";
  if (TERMINATING.includes(signal)) return "terminated";
  return KILLING.includes(signal) ? "killed" : "self";
}

/** How a process ended, as text. */
function describeEnd(end: ProcessEnd, lastLines: Lines): string {
  const { exitCode, signal } = end;
  if (signal === undefined) return `exited with status ${exitCode}`;
  if (signal === "SIGKILL") return "was killed by SIGKILL; the system may have run out of memory";
  if (signal === "SIGXCPU") {
    return "was killed by SIGXCPU; its process has used up its CPU time (see ulimit -t)";
  }
  if (signal === "SIGILL") {
    const cpu = os.cpus()[0]?.model.trim() || "this CPU";
    return `crashed: SIGILL; the core uses an instruction that ${cpu} lacks, or has stopped itself`;
  }
  return causeOf(end, lastLines) === "terminated" ? `was ended by ${signal}` : `crashed: ${signal}`;
}

/** Why a process has never connected. `reason`: why it was killed, or what it printed last. */
export function startProblem(
  end: ProcessEnd | undefined,
  reason: string,
  pid: number,
  { whyGivenUp }: { readonly whyGivenUp: string },
): string {
  if (!end) return `${reason} (pid ${pid}; ${whyGivenUp})`;
  return reason === "" ? `it ${describeEnd(end, [])}` : reason;
}

/** Why a process is gone. `killReason`: why this worker has killed it. */
export function exitReason(
  end: ProcessEnd | undefined,
  killReason: string | undefined,
  child: { readonly whyGivenUp: string },
  shared: { readonly hasOverflowedStack: boolean; readonly readingBytes: number },
  printed: { readonly lastLines: Lines },
): string {
  if (!end) return `${killReason ?? "was killed"}; ${child.whyGivenUp}`;
  if (killReason !== undefined) return killReason;
  const { lastLines } = printed;
  return withReason(`${describeEnd(end, lastLines)}${accessText(end, shared)}`, lastLines);
}

/**
 * What was wrong with a process that had loaded a core and was told to end. It has lost no job, but its core may not
 * have done all that it does at its end. `lateMs`: it was killed because it took longer than this.
 */
export function endProblem(
  end: ProcessEnd,
  core: string,
  lateMs: number | undefined,
  { lastLines }: { readonly lastLines: Lines },
): string | undefined {
  const where = `a slot process with core "${core}"`;
  if (lateMs !== undefined) return `${where} was ended: it took more than ${lateMs / 1000}s to end`;
  // Those that end a worker end its slots, too, and a worker that is closed kills some.
  if (end.signal === undefined || causeOf(end, lastLines) !== "self") return undefined;
  return `${where} ${withReason(describeEnd(end, lastLines), lastLines)}, when it ended`;
}

/** What a bad memory access was about, as far as the slot could tell. */
function accessText(
  { signal }: ProcessEnd,
  shared: { readonly hasOverflowedStack: boolean; readonly readingBytes: number },
): string {
  if (signal !== "SIGSEGV" && signal !== "SIGBUS") return "";
  const bytes = shared.readingBytes;
  // A thread of the core may have crashed meanwhile.
  if (bytes > 0) return ` while the ${bytes} bytes of output that the core reports were read`;
  // A process that the core has forked may have left the address of a fault there.
  return signal === "SIGSEGV" && shared.hasOverflowedStack ? " (stack overflow)" : "";
}
