/** The command line: its commands, their help, and what happens when it is wrong. */

import { Command, CommanderError } from "commander";
import type { Runtime } from "../runtime/ports.ts";
import { printError, toStderr } from "./log.ts";
import { ExitCode } from "./exit_code.ts";
import type { Roles } from "./roles.ts";
import { addRunOptions, type RunFlags } from "./run_options.ts";
import { UsageError } from "./usage_error.ts";
import { VERSION } from "./version.ts";
import { addWorkerOptions, type WorkerFlags } from "./worker_options.ts";

const RUN_NOTES = `
Examples:
  distcomp run core.so inputs/                     on every CPU of this machine
  distcomp run core.so inputs/ --workers a,b:9000  on workers on two machines
  distcomp run core.so --repeat 100000 -o sweep    inputs 0, 1, 2, …
  find . -name '*.dat' | distcomp run core.so -    a list of files

Repeat the command to resume a run that ended early, even after kill -9: finished
jobs are skipped, unless their input or the core has changed.

Exit status: 0 all jobs done, 1 some jobs failed, 2 wrong usage or input, or the
outputs cannot be written, 3 no usable worker, 130 interrupted.`;

const WORKER_NOTES = `
Examples:
  distcomp worker                                   for controllers on this machine
  distcomp worker --listen 0.0.0.0:7433 --insecure  on a trusted network
  distcomp worker --connect head:7433               for a run that listens
  ssh node distcomp worker --stdio                  over a pipe`;

/** Runs what was typed; resolves to the exit status. */
export async function runCommandLine(
  runtime: Runtime,
  args: readonly string[],
  roles: Roles,
): Promise<number> {
  const outcome: Outcome = { exitCode: ExitCode.ok };
  const program = buildProgram(runtime, roles, args, outcome);
  try {
    checkHelpTopic(program, args);
    await program.parseAsync(args, { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return commanderExit(error, program, args);
    printError(messageOf(error));
    if (program.opts()["verbose"] && error instanceof Error) toStderr(error.stack ?? "");
    return ExitCode.usage;
  }
}

interface Outcome {
  exitCode: number;
}

function buildProgram(
  runtime: Runtime,
  roles: Roles,
  args: readonly string[],
  outcome: Outcome,
): Command {
  const program = new Command("distcomp")
    .description("Run a compute core, a shared library, on many inputs and many machines.")
    .version(VERSION, "-V, --version", "show the version")
    .option("--verbose", "show a stack trace with an error")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .showSuggestionAfterError()
    .configureOutput({ outputError: () => {} }) // `commanderExit` prints it, as all other errors
    .exitOverride();
  if (roles.controller) addRun(program, runtime, roles, args, outcome);
  if (roles.worker) addWorker(program, runtime, roles.worker, outcome);
  return program;
}

function addRun(
  program: Command,
  runtime: Runtime,
  { controller, localWorker }: Roles,
  args: readonly string[],
  outcome: Outcome,
): void {
  const command = program.command("run")
    .summary("run a core on inputs: one job and one output per input")
    .description("Run a compute core on inputs: one job and one output per input.")
    .addHelpText("after", RUN_NOTES);
  addRunOptions(command).action(async (core: string, inputs: string[], flags: RunFlags) => {
    if (!controller) return;
    const { runCommand } = await controller();
    const request = { core, inputs, flags, args, hasLocalWorker: localWorker !== undefined };
    outcome.exitCode = await runCommand(runtime, request);
  });
}

function addWorker(
  program: Command,
  runtime: Runtime,
  worker: NonNullable<Roles["worker"]>,
  outcome: Outcome,
): void {
  const command = program.command("worker")
    .summary("run jobs for controllers")
    .description("Run jobs for controllers, on every CPU of this machine.")
    .addHelpText("after", WORKER_NOTES);
  addWorkerOptions(command).action(async (flags: WorkerFlags) => {
    const { workerCommand } = await worker();
    outcome.exitCode = await workerCommand(runtime, flags);
  });
}

/** Without this, commander would print the general help and not say why. */
function checkHelpTopic(program: Command, [command, topic]: readonly string[]): void {
  if (command !== "help" || topic === undefined || topic.startsWith("-")) return;
  if (program.commands.some((known) => known.name() === topic)) return;
  throw new UsageError(`Unknown command "${topic}"; see distcomp --help`);
}

/** Help that was asked for is a success; help in place of a command is not. */
function commanderExit(
  error: CommanderError,
  program: Command,
  args: readonly string[],
): number {
  if (error.exitCode === 0) return ExitCode.ok;
  if (error.code !== "commander.help") {
    const command = program.commands.find((known) => known.name() === args[0]);
    printError(usageText(error.message, command ? `distcomp help ${args[0]}` : "distcomp --help"));
  }
  return ExitCode.usage;
}

/** A message of commander, such as `error: unknown option '--worker'`, as a sentence like our own. */
function usageText(message: string, help: string): string {
  const [sentence = "", hint = ""] = message.replace(/^error: /, "").split("\n");
  const text = sentence.replace(/'([^']*)'/g, '"$1"')
    .replace(/ argument missing$/, " needs a value")
    .replace(/\. Expected (.*)\.$/, ", expected $1");
  const suggestion = /^\(Did (.*)\)$/.exec(hint)?.[1];
  const next = suggestion ? `did ${suggestion}` : `see ${help}`;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}; ${next}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
