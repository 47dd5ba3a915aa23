/** The command line: its commands, their help, and usage errors. */

import { Argument, Command, CommanderError } from "commander";
import process from "node:process";
import { messageOf } from "../runtime/error_text.ts";
import type { Runtime } from "../runtime/ports.ts";
import { KeyError } from "../security/key_error.ts";
import { addBenchOptions, BENCH_NOTES, type BenchFlags } from "./bench/bench_options.ts";
import { addCheckOptions, CHECK_NOTES, type CheckFlags } from "./cores/check_options.ts";
import { EndedRunError } from "./run/ended_run_error.ts";
import { ExitCode } from "./program/exit_code.ts";
import { addExecOptions, type ExecFlags } from "./cores/exec_options.ts";
import { EXEC_NOTES, NEW_NOTES, notesText, RUN_NOTES, WORKER_NOTES } from "./options/help_notes.ts";
import { withHelpTopics } from "./help/help_topics.ts";
import { addKeyCommands, KEY_NOTES } from "./key/key_options.ts";
import { LANGUAGES } from "./cores/languages.ts";
import { printError, toStderr } from "./terminal/log.ts";
import type { Outcome } from "./program/outcome.ts";
import type { Roles } from "./roles.ts";
import { applySettings } from "./settings/settings.ts";
import { readSettings, settingsPath } from "./settings/settings_file.ts";
import { addShellCommands } from "./help/shell_commands.ts";
import { addSignerCommands } from "./key/signer_options.ts";
import { addRunOptions, type RunFlags } from "./run/run_options.ts";
import { addUpCommands, UP_NOTES } from "./up/up_options.ts";
import { VERSION } from "./program/version.ts";
import { addReport, addStatus, addTop } from "./watching_commands.ts";
import { withWebAddress } from "./options/web_options.ts";
import { WorkerSilentError } from "./watching/worker_silent_error.ts";
import { addWorkerOptions, type WorkerFlags } from "./worker/worker_options.ts";

/** Descriptions are not wrapped if fewer columns are left for them. */
const DESCRIPTION_COLUMNS_MIN = 20;

/** Runs the command that was typed. Resolves to the exit status. */
export async function runCommandLine(
  runtime: Runtime,
  args: readonly string[],
  roles: Roles,
): Promise<number> {
  const outcome: Outcome = { exitCode: ExitCode.ok };
  const program = buildProgram(runtime, roles, args, outcome);
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
    .configureHelp({ minWidthToWrap: DESCRIPTION_COLUMNS_MIN })
    .configureOutput({ outputError: () => {} }) // `commanderExit` prints it in the form of all other errors
    .exitOverride();
  // For these, the options of all others are not built: they should start fast.
  if (args[0] === "run" && roles.controller) addRun(program, runtime, roles, args, outcome);
  else if (args[0] === "worker" && roles.worker) addWorker(program, runtime, roles.worker, outcome);
  else addAll(program, runtime, roles, args, outcome);
  program.hook("preAction", async (_program, command) => {
    if (command.parent !== program || command.name() === "config") return;
    applySettings(command, await readSettings(settingsPath(process.env)), process.env);
  });
  return program;
}

function addAll(
  program: Command,
  runtime: Runtime,
  roles: Roles,
  args: readonly string[],
  outcome: Outcome,
): void {
  if (roles.controller) addRun(program, runtime, roles, args, outcome);
  if (roles.worker) addWorker(program, runtime, roles.worker, outcome);
  if (roles.exec) addExec(program, runtime, roles.exec, outcome);
  if (roles.project) addNew(program, runtime, roles.project, outcome);
  if (roles.check) addCheck(program, runtime, roles.check, outcome);
  if (roles.bench) addBench(program, runtime, roles.bench, outcome);
  if (roles.report) addReport(program, runtime, roles.report, outcome);
  if (roles.status) addStatus(program, runtime, roles.status, outcome);
  if (roles.top) addTop(program, runtime, roles.top, outcome);
  if (roles.key) addKey(program, runtime, roles.key, outcome);
  if (roles.up) addUp(program, runtime, roles.up, outcome);
  if (roles.signer) addSigner(program, roles.signer, outcome);
  addShellCommands(program);
  addConfig(program, outcome);
}

function addRun(
  program: Command,
  runtime: Runtime,
  { controller, localWorker }: Roles,
  args: readonly string[],
  outcome: Outcome,
): void {
  const command: Command = program.command("run")
    .summary("run a core on inputs: one job and one output per input")
    .description("Run a compute core on inputs: one job and one output per input.")
    .addHelpText("after", () => notesText(command, RUN_NOTES));
  addRunOptions(command).action(async (core: string, inputs: string[], flags: RunFlags) => {
    if (!controller) return;
    const request = { core, inputs, flags, args, hasLocalWorker: localWorker !== undefined };
    const { launched } = await import("./run/early_worker.ts");
    const run = await launched(runtime, request);
    const { runCommand } = await controller();
    outcome.exitCode = await runCommand(runtime, run);
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

function addExec(
  program: Command,
  runtime: Runtime,
  exec: NonNullable<Roles["exec"]>,
  outcome: Outcome,
): void {
  const command: Command = program.command("exec")
    .summary("run one job in this process, for a debugger")
    .description("Run one job in this process, for a debugger or a sanitizer.")
    .addHelpText("after", () => notesText(command, EXEC_NOTES));
  addExecOptions(command).action(async (core: string, input: string, flags: ExecFlags) => {
    const { execCommand } = await exec();
    outcome.exitCode = await execCommand(runtime, { core, input, ...flags });
  });
}

function addNew(
  program: Command,
  runtime: Runtime,
  project: NonNullable<Roles["project"]>,
  outcome: Outcome,
): void {
  const command: Command = program.command("new")
    .summary("write a small project with a core, to begin with")
    .description("Write a small project with a compute core into the folder NAME.")
    .addArgument(languageArgument())
    .argument("<name>", "name of the folder and the core")
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", () => notesText(command, NEW_NOTES));
  command.action(async (language: string, name: string) => {
    const { newCommand } = await project();
    outcome.exitCode = await newCommand(runtime, language, name);
  });
}

/** Shells complete it; what is not one of them is refused when the templates are there. */
function languageArgument(): Argument {
  const argument = new Argument("<language>", "the language of the core");
  argument.argChoices = [...LANGUAGES];
  return argument;
}

function addCheck(
  program: Command,
  runtime: Runtime,
  check: NonNullable<Roles["check"]>,
  outcome: Outcome,
): void {
  const command: Command = program.command("check")
    .summary("try a core on this machine, and find what would fail on others")
    .description("Try a compute core on this machine, and find what would fail on a cluster.")
    .addHelpText("after", () => notesText(command, CHECK_NOTES));
  addCheckOptions(command).action(async (core: string, inputs: string[], flags: CheckFlags) => {
    const { checkCommand } = await check();
    outcome.exitCode = await checkCommand(runtime, core, inputs, flags);
  });
}

function addBench(
  program: Command,
  runtime: Runtime,
  bench: NonNullable<Roles["bench"]>,
  outcome: Outcome,
): void {
  const command: Command = program.command("bench")
    .summary("measure what jobs cost on each worker, and say what to do about it")
    .description("Measure what jobs cost on each worker, and say what to do about it.")
    .addHelpText("after", () => notesText(command, BENCH_NOTES));
  addBenchOptions(command).action(
    async (core: string, input: string | undefined, flags: BenchFlags) => {
      const { benchCommand } = await bench();
      outcome.exitCode = await benchCommand(runtime, core, input, flags);
    },
  );
}

function addKey(
  program: Command,
  runtime: Runtime,
  key: NonNullable<Roles["key"]>,
  outcome: Outcome,
): void {
  const command: Command = program.command("key")
    .summary("make, show, export and replace keys")
    .description("Make, show, export and replace keys: with the same key, machines work together.")
    .addHelpText("after", () => notesText(command, KEY_NOTES));
  addKeyCommands(command, async (action) => {
    const { keyCommand } = await key();
    outcome.exitCode = await keyCommand(runtime, action);
  });
}

function addUp(
  program: Command,
  runtime: Runtime,
  up: NonNullable<Roles["up"]>,
  outcome: Outcome,
): void {
  const command: Command = program.command("up")
    .summary("start workers on other machines: ssh, Slurm, PBS, Kubernetes, systemd")
    .description("Start workers on other machines, and end them when this command ends.")
    .addHelpText("after", () => notesText(command, UP_NOTES));
  addUpCommands(command, async (action) => {
    const { upCommand } = await up();
    outcome.exitCode = await upCommand(runtime, action);
  });
}

function addSigner(
  program: Command,
  signer: NonNullable<Roles["signer"]>,
  outcome: Outcome,
): void {
  addSignerCommands(program, async (run) => {
    const { signerActions } = await signer();
    outcome.exitCode = await run(signerActions);
  });
}

function addConfig(program: Command, outcome: Outcome): void {
  program.command("config")
    .summary("show the settings: defaults for options")
    .description("Show the settings: defaults for the options of commands, and where they are.")
    .helpOption("-h, --help", "show this help")
    .action(async () => {
      const { configCommand } = await import("./settings/config_command.ts");
      outcome.exitCode = await configCommand(program, process.env);
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
    const command = program.commands.find((known) => known.name() === args[0]);
    printError(usageText(error.message, command ? `distcomp help ${args[0]}` : "distcomp --help"));
  }
  return ExitCode.usage;
}

/** Turns a message of commander, such as `error: unknown option '--worker'`, into the form of our own errors. */
function usageText(message: string, help: string): string {
  const [sentence = "", hint = ""] = message.replace(/^error: /, "").split("\n");
  const text = sentence.replace(/'([^']*)'/g, '"$1"')
    .replace(/ argument missing$/, " needs a value")
    .replace(/\. Expected (.*)\.$/, ", expected $1")
    .replace(/^command-argument value /, "")
    .replace(/\. Allowed choices are (.*)\.$/, ", choose one of $1");
  const suggestion = /^\(Did (.*)\)$/.exec(hint)?.[1];
  // As make and GNU parallel have it.
  const isJobs = /^unknown option "-j\d*"$/.test(text) && /(?:run|worker|bench)$/.test(help);
  const next = suggestion ? `did ${suggestion}` : isJobs ? "did you mean --slots?" : `see ${help}`;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}; ${next}`;
}
