/** `distcomp status`: what a run or a worker is doing, once. */

import process from "node:process";
import { formatAddress, parseAddress } from "../../link/address.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { jsonLine } from "../../system/json_line.ts";
import { findLiveRuns } from "../../watch/find_run.ts";
import type { PastRun, Snapshot } from "../../watch/snapshot.ts";
import { ExitCode } from "../program/exit_code.ts";
import { printError } from "../terminal/log.ts";
import type { StatusFlags } from "./status_options.ts";
import { liveRunLines, pastRunLines, runListLines, workerAnswerLines } from "./status_text.ts";
import { writeLines } from "../terminal/fitted_lines.ts";
import { writeStdout } from "../terminal/stdout.ts";
import { UsageError } from "../program/usage_error.ts";
import { stateOfWorker } from "./asked_worker.ts";
import { outputsNamed, runOfOutputs, type WatchedOutputs } from "./watched_outputs.ts";

/** Runs the command. Resolves to the exit status; rejects if there is nothing to show. */
export async function statusCommand(
  runtime: Runtime,
  target: string | undefined,
  flags: StatusFlags,
): Promise<number> {
  if (target === undefined) return await showRuns(flags);
  const outputs = outputsNamed(target);
  if (outputs) return await showOutputs(runtime, outputs, flags);
  return await showWorker(runtime, target, flags);
}

/** All runs of this user: of a single one, everything. */
async function showRuns({ json = false }: StatusFlags): Promise<number> {
  const { runs, problems } = await findLiveRuns(process.env);
  for (const problem of problems) printError(problem);
  if (json) writeJson(runs.map(({ snapshot }) => snapshot));
  else if (runs.length > 1) writeLines(runListLines(runs));
  else if (runs.length === 1) writeLines(runs.flatMap(({ snapshot }) => liveRunLines(snapshot)));
  else if (problems.length > 0) return ExitCode.usage; // it is said why
  else {
    throw new UsageError(
      "No run of this user answers on this machine; for a run that is over, name its outputs: distcomp status DIR",
    );
  }
  return ExitCode.ok;
}

async function showOutputs(
  runtime: Runtime,
  outputs: WatchedOutputs,
  { json = false }: StatusFlags,
): Promise<number> {
  const found = await runOfOutputs(runtime, outputs);
  if (found.kind === "unreachable") {
    throw new UsageError(`Cannot look at the run in "${outputs.name}": ${found.reason}`);
  }
  const shown: Snapshot | PastRun = found.kind === "live" ? found.snapshot : found;
  if (json) writeJson(shown);
  else if (shown.kind === "run") writeLines(liveRunLines(shown));
  else if (shown.kind === "past") writeLines(pastRunLines(shown));
  return ExitCode.ok;
}

async function showWorker(
  runtime: Runtime,
  target: string,
  flags: StatusFlags,
): Promise<number> {
  const worker = await stateOfWorker(runtime, target, flags);
  if (flags.json) writeJson(worker);
  else writeLines(workerAnswerLines(worker, formatAddress(parseAddress(target))));
  return ExitCode.ok;
}

function writeJson(value: unknown): void {
  writeStdout(`${jsonLine(value)}\n`);
}
