/**
 * `run --notify COMMAND`: tells the user that the run has ended, by mail, on the desktop, or however the command does.
 */

import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import type { RunStatus } from "../../controller/run.ts";
import { delay } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error_text.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { descendantsOf, killAll } from "../../runtime/processes/process_tree.ts";
import { LineSplitter } from "../../system/line_splitter.ts";
import { formatDuration, printable } from "../../system/format.ts";
import type { WriteLine } from "../terminal/log.ts";

/** Mail servers may hang. */
const LIMIT_MS = 60_000;

/** How long to wait for what it has printed. What it has left in the background may never close the pipe. */
const REST_MS = 1_000;

/** How a run has ended. */
export interface EndNews {
  /** The exit status of the run. */
  readonly code: number;
  /** `undefined` if the run has not begun. */
  readonly status: RunStatus | undefined;
  readonly outputs: string;
  /** The summary, or why the run could not begin. */
  readonly summary: string;
}

/** Runs the command in a shell, and waits for it. A failure is a warning: the run itself has ended. */
export async function notify(
  { spawn, clock }: Pick<Runtime, "spawn" | "clock">,
  command: string,
  news: EndNews,
  write: WriteLine,
): Promise<void> {
  try {
    const env = { ...ownVariables(), ...variablesOf(news) };
    const child = spawn(["/bin/sh", "-c", command], { env });
    let isLate = false;
    const timer = clock.after(LIMIT_MS, () => {
      isLate = true;
      const started = descendantsOf(child.pid);
      child.kill("SIGKILL"); // first: it starts nothing more
      killAll(started);
    });
    const printed = Promise.all(child.outputs.map((output) => forward(output, write)));
    const { exitCode, signal } = await child.ended;
    timer.stop();
    await Promise.race([printed, delay(clock, REST_MS)]);
    if (exitCode === 0) return;
    const end = isLate
      ? `took longer than ${formatDuration(LIMIT_MS)}`
      : `ended with ${signal ?? `status ${exitCode}`}`;
    write(`warning: the command of --notify ${end}: ${printable(command)}`);
  } catch (error) {
    write(`warning: cannot run the command of --notify: ${messageOf(error)}`);
  }
}

async function forward(output: ReadableStream<Uint8Array>, write: WriteLine): Promise<void> {
  const splitter = new LineSplitter((line) => write(printable(line)));
  for await (const chunk of output) splitter.push(chunk);
  splitter.end();
}

function ownVariables(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]]
    ),
  );
}

/** What the command learns of the run. */
export function variablesOf({ code, status, outputs, summary }: EndNews): Record<string, string> {
  const { done = 0, failed = 0, total, elapsedMs = 0 } = status ?? {};
  return {
    DISTCOMP_STATUS: String(code),
    DISTCOMP_SUMMARY: stripVTControlCharacters(summary),
    DISTCOMP_DONE: String(done),
    DISTCOMP_FAILED: String(failed),
    DISTCOMP_TOTAL: total === undefined ? "" : String(total),
    DISTCOMP_SECONDS: String(Math.round(elapsedMs / 1000)),
    DISTCOMP_OUTPUTS: outputs,
  };
}
