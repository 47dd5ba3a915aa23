/** `distcomp top`: fills the terminal with what a run is doing, until the run ends or the user has seen enough. */

import process from "node:process";
import { systemClock } from "../runtime/clock.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { Runtime } from "../runtime/ports.ts";
import { askRun, DeadRunError } from "../watch/ask_run.ts";
import { findLiveRuns, type LiveRunFound } from "../watch/find_run.ts";
import type { RunSnapshot } from "../watch/snapshot.ts";
import { ExitCode } from "./exit_code.ts";
import { canFillScreen, FullScreen } from "./full_screen.ts";
import { handle } from "./signals.ts";
import { pastRunLines, runListLines } from "./status_text.ts";
import { writeStdout } from "./stdout.ts";
import { handleSuspension } from "./suspension.ts";
import { topLines } from "./top_screen.ts";
import { UsageError } from "./usage_error.ts";
import { outputsNamed, runOfOutputs } from "./watched_outputs.ts";

/** How often the run is asked. */
const ASK_MS = 1_000;

const PAGE_LINES = 10;

/** How many lines a key scrolls. */
const SCROLLS: Readonly<Record<string, number>> = {
  "\x1b[A": -1,
  "\x1bOA": -1,
  k: -1,
  "\x1b[B": 1,
  "\x1bOB": 1,
  j: 1,
  "\x1b[5~": -PAGE_LINES,
  "\x1b[6~": PAGE_LINES,
  g: -Infinity,
  "\x1b[H": -Infinity,
  "\x1bOH": -Infinity,
  "\x1b[1~": -Infinity,
  G: Infinity,
  "\x1b[F": Infinity,
  "\x1bOF": Infinity,
  "\x1b[4~": Infinity,
};

const LEAVE_KEYS = ["q", "Q", "\x03"]; // Ctrl-C is a key here
const SUSPEND_KEY = "\x1a";

/** Runs the command. Resolves to the exit status; rejects if there is no run to show. */
export async function topCommand(runtime: Runtime, target: string | undefined): Promise<number> {
  if (!canFillScreen()) {
    throw new UsageError("distcomp top needs a terminal; distcomp status prints the same once");
  }
  const found = target === undefined ? await onlyRun() : await runAt(runtime, target);
  const top = new Top(found);
  const why = await top.ended();
  if (why === "left") return ExitCode.ok;
  const outputs = outputsNamed(found.snapshot.output);
  const past = outputs && await runOfOutputs(runtime, outputs).catch(() => undefined);
  writeStdout(past?.kind === "past" ? `${pastRunLines(past).join("\n")}\n` : "the run has ended\n");
  return ExitCode.ok;
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

async function runAt(runtime: Runtime, target: string): Promise<LiveRunFound> {
  const outputs = outputsNamed(target);
  if (!outputs) throw new UsageError(`There is no folder "${target}"; name the outputs of a run`);
  const found = await runOfOutputs(runtime, outputs);
  if (found.kind === "live") return found;
  if (found.kind === "unreachable") {
    throw new UsageError(`Cannot look at the run in "${target}": ${found.reason}`);
  }
  throw new UsageError(pastRunLines(found)[0] ?? "The run has ended");
}

/** The screen and what it shows. */
class Top {
  readonly #socket: string;
  readonly #screen: FullScreen;
  readonly #ended = Promise.withResolvers<"left" | "over">();
  #run: RunSnapshot;
  #problem: string | undefined;
  #scroll = 0;
  #isPaused = false;

  constructor({ socket, snapshot }: LiveRunFound) {
    this.#socket = socket;
    this.#run = snapshot;
    this.#screen = new FullScreen((key) => this.#onKey(key), () => this.#draw());
  }

  /** Shows the run until the user leaves, or until it is over. */
  async ended(): Promise<"left" | "over"> {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
      handle(signal, () => this.#ended.resolve("left"));
    }
    process.stdin.on("end", () => this.#ended.resolve("left"));
    handleSuspension([this.#screen]);
    this.#screen.enter();
    this.#draw();
    let isAsking = false;
    const timer = systemClock.every(ASK_MS, () => {
      if (isAsking || this.#isPaused) return;
      isAsking = true;
      void this.#ask().finally(() => isAsking = false);
    });
    try {
      return await this.#ended.promise;
    } finally {
      timer.stop();
      this.#screen.leave();
    }
  }

  async #ask(): Promise<void> {
    try {
      this.#run = await askRun(this.#socket);
      this.#problem = undefined;
    } catch (error) {
      if (error instanceof DeadRunError) return this.#ended.resolve("over");
      this.#problem = messageOf(error);
    }
    this.#draw();
  }

  #onKey(key: string): void {
    if (LEAVE_KEYS.includes(key)) return this.#ended.resolve("left");
    if (key === SUSPEND_KEY) return void process.kill(0, "SIGTSTP"); // as the terminal does
    if (key === " ") this.#isPaused = !this.#isPaused;
    const last = Math.max(0, this.#run.workers.length - 1);
    this.#scroll = Math.max(0, Math.min(last, this.#scroll + (SCROLLS[key] ?? 0)));
    this.#draw();
  }

  #draw(): void {
    const view = {
      scroll: this.#scroll,
      isPaused: this.#isPaused,
      problem: this.#problem,
    };
    this.#screen.draw(topLines(this.#run, view, this.#screen.size));
  }
}
