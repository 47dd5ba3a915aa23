/** `distcomp top`: fills the terminal with what a run or a worker is doing, until the user has seen enough. */

import process from "node:process";
import { formatAddress, parseAddress } from "../../link/address.ts";
import { delay } from "../../runtime/clock.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { askRun, DeadRunError } from "../../watch/ask_run.ts";
import { findLiveRuns, type LiveRunFound } from "../../watch/find_run.ts";
import type { PastRun, RunSnapshot } from "../../watch/snapshot.ts";
import { ExitCode } from "../program/exit_code.ts";
import { canFillScreen } from "../terminal/full_screen.ts";
import type { StatusFlags } from "./status_options.ts";
import { pastRunLines, runListLines } from "./status_text.ts";
import { writeLines } from "../terminal/fitted_lines.ts";
import { Top, type Watched } from "./top.ts";
import { topLines, topScrollMax } from "./top_screen.ts";
import { TopWorker } from "./top_worker.ts";
import type { ScreenSize, TopView } from "./top_view.ts";
import { UsageError } from "../program/usage_error.ts";
import { outputsNamed, runOfOutputs } from "./watched_outputs.ts";
import { stateOfWorker } from "./asked_worker.ts";

/** A run that no longer answers has this long until its outputs say how it has ended. */
const PAST_MS_MAX = 2_000;
const POLL_MS = 100;

/** Runs the command. Resolves to the exit status; rejects if there is nothing to show. */
export async function topCommand(
  runtime: Runtime,
  target: string | undefined,
  flags: StatusFlags,
): Promise<number> {
  if (!canFillScreen()) {
    throw new UsageError("distcomp top needs a terminal; distcomp status prints the same once");
  }
  const outputs = target === undefined ? undefined : outputsNamed(target);
  if (target !== undefined && !outputs) {
    return await showWorker(runtime, target, flags);
  }
  const found = outputs ? await runAt(runtime, outputs) : await onlyRun();
  if (await new Top(new TopRun(found)).ended() === "left") return ExitCode.ok;
  const ended = outputsNamed(found.snapshot.output);
  const past = ended && await pastRun(runtime, ended);
  writeLines(past ? pastRunLines(past) : ["the run has ended"]);
  return ExitCode.ok;
}

async function showWorker(runtime: Runtime, target: string, flags: StatusFlags): Promise<number> {
  const ask = () => stateOfWorker(runtime, target, flags);
  const worker = new TopWorker(formatAddress(parseAddress(target)), ask, await ask());
  await new Top(worker).ended();
  return ExitCode.ok;
}

/** How a run has ended. It stops answering a moment before its outputs say so. */
async function pastRun(
  runtime: Runtime,
  outputs: NonNullable<ReturnType<typeof outputsNamed>>,
): Promise<PastRun | undefined> {
  const { clock } = runtime;
  for (const untilMs = clock.now() + PAST_MS_MAX; clock.now() < untilMs;) {
    const found = await runOfOutputs(runtime, outputs).catch(() => undefined); // tried again
    if (found?.kind === "past") return found;
    if (found?.kind === "live") return undefined; // another one has begun
    await delay(clock, POLL_MS);
  }
  return undefined;
}

/** The only run of this user on this machine. */
async function onlyRun(): Promise<LiveRunFound> {
  const { runs, problems } = await findLiveRuns(process.env);
  const [only] = runs;
  if (only && runs.length === 1) return only;
  if (only) {
    throw new UsageError(
      `There are ${runs.length} runs; name the outputs of one: ${runListLines(runs).join("; ")}`,
    );
  }
  throw new UsageError(problems[0] ?? "No run of this user answers on this machine");
}

async function runAt(
  runtime: Runtime,
  outputs: NonNullable<ReturnType<typeof outputsNamed>>,
): Promise<LiveRunFound> {
  const found = await runOfOutputs(runtime, outputs);
  if (found.kind === "live") return found;
  if (found.kind === "unreachable") {
    throw new UsageError(`Cannot look at the run in "${outputs.name}": ${found.reason}`);
  }
  throw new UsageError(pastRunLines(found)[0] ?? "The run has ended");
}

/** A run on the screen. */
class TopRun implements Watched {
  readonly #socket: string;
  #run: RunSnapshot;

  constructor({ socket, snapshot }: LiveRunFound) {
    this.#socket = socket;
    this.#run = snapshot;
  }

  scrollMax(size: ScreenSize): number {
    return topScrollMax(this.#run, size);
  }

  async ask(): Promise<boolean> {
    try {
      this.#run = await askRun(this.#socket);
      return true;
    } catch (error) {
      if (error instanceof DeadRunError) return false;
      throw error;
    }
  }

  lines(view: TopView, size: ScreenSize): string[] {
    return topLines(this.#run, view, size);
  }
}
