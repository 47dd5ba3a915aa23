/** The command line: its commands, their help, and usage errors. */

import { Command, CommanderError } from "commander";
import process from "node:process";
import { PORT_MAX } from "../link/address.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { Runtime } from "../runtime/ports.ts";
import { KeyError } from "../security/key_error.ts";
import { EndedRunError } from "./run/ended_run_error.ts";
import { ExitCode } from "./program/exit_code.ts";
import { refuseShellValues } from "./options/shell_values.ts";
import { notesText, RUN_NOTES, WORKER_NOTES } from "./options/help_notes.ts";
import { withHelpTopics } from "./help/help_topics.ts";
import { printError, toStderr } from "./terminal/log.ts";
import { endOfStdout, writeStdout } from "./terminal/stdout.ts";
import type { Outcome } from "./program/outcome.ts";
import type { Roles } from "./roles.ts";
import { applySettings } from "./settings/settings.ts";
import { readSettings, settingsPath } from "./settings/settings_file.ts";
import { addRunOptions, type RunFlags } from "./run/run_options.ts";
import { VERSION } from "./program/version.ts";
import { withWebAddress } from "./options/web_options.ts";
import { WorkerSilentError } from "./watching/worker_silent_error.ts";
import { addWorkerOptions, type WorkerFlags } from "./worker/worker_options.ts";

/** Descriptions are not wrapped if fewer columns are left for them. */
const DESCRIPTION_COLUMNS_MIN = 20;

/** Runs the command that was typed. Resolves to the exit status, when all that it has printed is written. */
export async function runCommandLine(
  runtime: Runtime,
  args: readonly string[],
  roles: Roles,
): Promise<number> {
  const exitCode = await runCommandOf(runtime, args, roles);
  const { isLost } = await endOfStdout();
  return isLost && exitCode === ExitCode.ok ? ExitCode.usage : exitCode;
}

async function runCommandOf(
  runtime: Runtime,
  args: readonly string[],
  roles: Roles,
): Promise<number> {
  const outcome: Outcome = { exitCode: ExitCode.ok };
  const program = await buildProgram(runtime, roles, args, outcome);
  try {
    const typed = withHelpTopics(program, withWebAddress(args));
    await program.parseAsync(typed, { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return commanderExit(error, program, args);
    printError(messageOf(error));
    if (program.opts()["verbose"] && error instanceof Error) toStderr(error.stack ?? "");
    if (error instanceof EndedRunError) toStderr(error.resumeHint);
    const isNoWorker = error instanceof KeyError || error instanceof WorkerSilentError;
    return isNoWorker ? ExitCode.noWorker : ExitCode.usage;
  }
}

async function buildProgram(
  runtime: Runtime,
  roles: Roles,
  args: readonly string[],
  outcome: Outcome,
): Promise<Command> {
  const program = new Command("distcomp")
    .description("Run a compute core, a shared library, on many inputs and many machines.")
    .version(VERSION, "-V, --version", "show the version")
    .option("--verbose", "show a stack trace with an error")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .showSuggestionAfterError()
    .configureHelp({ minWidthToWrap: DESCRIPTION_COLUMNS_MIN })
    .configureOutput({
      writeOut: writeStdout,
      outputError: () => {}, // `commanderExit` prints it in the form of all other errors
    })
    .exitOverride();
  // These two should start fast: the other commands are neither loaded nor built for them.
  const isRun = args[0] === "run" && roles.controller !== undefined;
  const isWorker = args[0] === "worker" && roles.worker !== undefined;
  if (roles.controller && !isWorker) addRun(program, runtime, roles, args, outcome);
  if (roles.worker && !isRun) addWorker(program, runtime, roles.worker, outcome);
  if (!isRun && !isWorker) {
    const { addOtherCommands } = await import("./other_commands.ts");
    addOtherCommands(program, runtime, roles, outcome);
  }
  refuseShellValues(program);
  program.hook("preAction", async (_program, command) => {
    if (command.parent !== program || command.name() === "config") return;
    const path = settingsPath(process.env);
    if (path !== undefined) applySettings(command, await readSettings(path), process.env);
  });
  return program;
}

function addRun(
  program: Command,
  runtime: Runtime,
  { launch, controller, localWorker }: Roles,
  args: readonly string[],
  outcome: Outcome,
): void {
  const command: Command = program.command("run")
    .summary("run a core on inputs: one job and one output per input")
    .description("Run a compute core on inputs: one job and one output per input.")
    .addHelpText("after", () => notesText(command, RUN_NOTES));
  addRunOptions(command).action(async (core: string, inputs: string[], flags: RunFlags) => {
    if (!launch || !controller) return;
    const request = { core, inputs, flags, args, hasLocalWorker: localWorker !== undefined };
    const launched = await (await launch()).launch(runtime, request);
    outcome.exitCode = await (await controller()).runCommand(runtime, launched);
  });
}

function addWorker(
  program: Command,
  runtime: Runtime,
  worker: NonNullable<Roles["worker"]>,
  outcome: Outcome,
): void {
  const command: Command = program.command("worker")
    .summary("run jobs for controllers")
    .description("Run jobs for controllers, on every CPU of this machine.")
    .addHelpText("after", () => notesText(command, WORKER_NOTES));
  addWorkerOptions(command).action(async (flags: WorkerFlags) => {
    const { workerCommand } = await worker();
    outcome.exitCode = await workerCommand(runtime, flags);
  });
}

/** Help is a success if the user asked for it, and an error if no command was given. */
function commanderExit(
  error: CommanderError,
  program: Command,
  args: readonly string[],
): number {
  if (error.exitCode === 0) return ExitCode.ok;
  if (error.code !== "commander.help") {
    const command = namesOf(program, args[0] === "help" ? args.slice(1) : args);
    const help = command.length > 0 ? ["help", ...command].join(" ") : "--help";
    printError(usageText(error.message, `distcomp ${help}`));
  }
  return ExitCode.usage;
}

/** The names of the command that was typed: `up`, `ssh`. */
function namesOf(program: Command, [name, ...rest]: readonly string[]): string[] {
  const command = program.commands.find((known) => known.name() === name);
  return command ? [command.name(), ...namesOf(command, rest)] : [];
}

/** Turns a message of commander, such as `error: unknown option '--worker'`, into the form of our own errors. */
function usageText(message: string, help: string): string {
  const [sentence = "", hint = ""] = message.replace(/^error: /, "").split("\n");
  const choice = choiceText(sentence);
  if (choice !== undefined) return choice;
  const text = sentence.replace(/'([^']*)'/g, '"$1"')
    .replace(/ argument missing$/, " needs a value")
    .replace(/\. Expected (.*)\.$/, ", expected $1");
  const suggestion = versionHint(text, help) ?? /^\(Did (.*)\)$/.exec(hint)?.[1];
  // As make and GNU parallel have it.
  const isJobs = /^unknown option "-j\d*"$/.test(text) && /(?:run|worker|bench)$/.test(help);
  const next = suggestion
    ? `did ${suggestion}`
    : isJobs
    ? "did you mean --slots?"
    : listenHint(text) ?? batchHint(text, help) ?? `see ${help}`;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}; ${next}`;
}

/** A value that is none of the choices of an option or an argument. */
function choiceText(sentence: string): string | undefined {
  const [, option, value, argument, list = ""] =
    /^(?:option '.*(--[\w-]+) .*' argument|command-argument value) '([^]*)' is invalid(?: for argument '(\w+)')?\. Allowed choices are (.*)\.$/
      .exec(sentence) ?? [];
  if (value === undefined) return undefined;
  const choices = list.replace(/, (\S+)$/, " or $1");
  return `${option ?? `The ${argument}`} must be ${choices}, not "${value}"`;
}

/** Other programs call it so. */
function versionHint(text: string, help: string): string | undefined {
  if (help !== "distcomp --help") return undefined;
  if (text === 'unknown option "-v"') return "you mean -V?";
  return text === 'unknown command "version"' ? "you mean --version?" : undefined;
}

/** Options of the batch system stand behind `--`. */
function batchHint(text: string, help: string): string | undefined {
  const [, option] = /^unknown option "(.*)"$/.exec(text) ?? [];
  const [, command, system] = /help (up (slurm|pbs))$/.exec(help) ?? [];
  if (option === undefined || command === undefined) return undefined;
  const program = system === "slurm" ? "sbatch" : "qsub";
  return `options of ${program} go behind --, as in distcomp ${command} 5 -- ${option}`;
}

/** An address behind `worker` is one to listen on, or that of a run. */
function listenHint(text: string): string | undefined {
  const [, address, host, port] =
    /^too many arguments for "worker".* got 1: ((?:(\S*):)?(\d+))$/.exec(text) ?? [];
  if (address === undefined) return undefined;
  if (Number(port) > PORT_MAX) return `a port must be 0–${PORT_MAX}`;
  const listen = `to listen there, use --listen ${address}`;
  return host ? `${listen}; to connect to a run, --connect ${address}` : listen;
}
