/** The command line: what can be typed, and what it is called. */

import { Command, CommanderError, Option } from "commander";
import process from "node:process";
import { styleText } from "node:util";
import { DEFAULT_PORT } from "../link/address.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { Runtime } from "../runtime/ports.ts";
import { toStderr } from "./log.ts";
import { addJobOptions } from "./job_options.ts";
import type { Abilities } from "./main.ts";
import type { RunFlags } from "./run_command.ts";
import {
  ExitCode,
  parseAddressOption,
  parseCount,
  parseFailureLimit,
  parseSlots,
} from "./usage.ts";
import { VERSION } from "./version.ts";
import type { WorkerFlags } from "./worker_command.ts";

const RUN_EXAMPLES = `
Examples:
  distcomp run core.so inputs/                     every core of this machine
  distcomp run core.so inputs/ --workers a,b:9000  workers on two other machines
  distcomp run core.so --repeat 100000 -o sweep    inputs 0, 1, 2, …
  find . -name '*.dat' | distcomp run core.so -    a list of files

The same command again goes on where a run was ended, by Ctrl-C or in any other way: what is done is
not done again, unless its input or the core has changed.

Exit status: 0 all jobs done, 1 some failed, 2 wrong usage or input, 3 no worker could be used,
130 interrupted.`;

const WORKER_EXAMPLES = `
Examples:
  distcomp worker                                  for controllers on this machine
  distcomp worker --listen 0.0.0.0:7433 --insecure for a trusted network
  distcomp worker --connect head:7433              dial a run that listens
  ssh node distcomp worker --stdio                 over a pipe`;

/** Does what was typed; resolves to the exit status. */
export async function runApp(
  runtime: Runtime,
  args: readonly string[],
  abilities: Abilities,
): Promise<number> {
  const outcome = { exitCode: ExitCode.ok as number };
  const program = buildProgram(runtime, abilities, args, outcome);
  try {
    await program.parseAsync(args, { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return commanderExit(error, args);
    toStderr(`${styleText("red", "distcomp:", { stream: process.stderr })} ${messageOf(error)}`);
    if (program.opts()["verbose"] && error instanceof Error) toStderr(error.stack ?? "");
    return ExitCode.usage;
  }
}

/** Help that was asked for is a success; help instead of a command is not. */
function commanderExit(error: CommanderError, args: readonly string[]): number {
  return error.exitCode === 0 || args.length === 0
    ? error.exitCode && ExitCode.usage
    : ExitCode.usage;
}

interface Outcome {
  exitCode: number;
}

function buildProgram(
  runtime: Runtime,
  abilities: Abilities,
  args: readonly string[],
  outcome: Outcome,
): Command {
  const program = new Command("distcomp")
    .description("Runs a compute core, a shared library, on many inputs and many machines.")
    .version(VERSION, "-V, --version", "show the version")
    .option("--verbose", "show where an error comes from")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .showSuggestionAfterError()
    .exitOverride();
  if (abilities.control) addRun(program, runtime, abilities, args, outcome);
  if (abilities.work) addWorker(program, runtime, abilities, outcome);
  return program;
}

function addRun(
  program: Command,
  runtime: Runtime,
  abilities: Abilities,
  args: readonly string[],
  outcome: Outcome,
): void {
  const command = program.command("run")
    .description("run a compute core on inputs; one output per input")
    .argument("<core>", "the compute core, a shared library")
    .argument("[input...]", "files, folders, or - for a list of files on stdin")
    .option("-o, --output <dir>", "where the outputs go", "outputs")
    .addOption(
      new Option("-w, --workers <list>", "HOST:PORT,… or @FILE with one a line")
        .env("DISTCOMP_WORKERS"),
    )
    .option("--listen <host:port>", "take workers that connect", parseAddressOption)
    .option("--slots <n>", "jobs at once, without workers (default: one per CPU)", parseSlots)
    .option("--lines <file>", "each line is an input; - is stdin")
    .option("--repeat <n>", "n jobs with the inputs 0, 1, 2, …", parseCount)
    .option("--fresh", "run everything, also what is done already")
    .option("--retry-failed", "run what has failed in an earlier run")
    .option(
      "--max-failures <n>",
      "stop after more than n failed jobs, or with n% after more than n % of 100 or more",
      parseFailureLimit,
    );
  addJobOptions(command)
    .option("--insecure", "listen beyond this machine, for whoever connects")
    .option("-q, --quiet", "show only errors")
    .option("--json", "print the summary as JSON on stdout")
    .helpOption("-h, --help", "show help")
    .addHelpText("after", RUN_EXAMPLES)
    .action(async (core: string, inputs: string[], flags: Omit<RunFlags, "typed">) => {
      if (!abilities.control) return;
      const { runCommand } = await abilities.control();
      const canWork = abilities.work !== undefined;
      outcome.exitCode = await runCommand(
        runtime,
        core,
        inputs,
        { ...flags, typed: args },
        canWork,
      );
    });
}

function addWorker(
  program: Command,
  runtime: Runtime,
  abilities: Abilities,
  outcome: Outcome,
): void {
  const defaultListen = { kind: "tcp", host: "127.0.0.1", port: DEFAULT_PORT } as const;
  program.command("worker")
    .description("run jobs for controllers")
    .option(
      "--listen <host:port>",
      `where to take controllers (default: 127.0.0.1:${DEFAULT_PORT}; port 0 picks a free one)`,
      parseAddressOption,
    )
    .option(
      "--connect <host:port>",
      "dial a controller that runs with --listen",
      parseAddressOption,
    )
    .option("--stdio", "serve one controller on stdin and stdout")
    .option("--slots <n>", "jobs at once (default: one per CPU)", parseSlots)
    .option("--insecure", "listen beyond this machine, for whoever connects")
    .helpOption("-h, --help", "show help")
    .addHelpText("after", WORKER_EXAMPLES)
    .action(async (flags: WorkerFlags) => {
      if (!abilities.work) return;
      const { workerCommand } = await abilities.work();
      outcome.exitCode = await workerCommand(runtime, flags, defaultListen);
    });
}
