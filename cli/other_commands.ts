/** The commands beside `run` and `worker`. */

import { Argument, Command } from "commander";
import process from "node:process";
import type { Runtime } from "../runtime/ports.ts";
import { addBenchOptions, BENCH_NOTES, type BenchFlags } from "./bench/bench_options.ts";
import { addCheckOptions, CHECK_NOTES, type CheckFlags } from "./cores/check_options.ts";
import { addExecOptions, type ExecFlags } from "./cores/exec_options.ts";
import { EXEC_NOTES, NEW_NOTES, notesText } from "./options/help_notes.ts";
import { addKeyCommands, KEY_NOTES } from "./key/key_options.ts";
import { LANGUAGES } from "./cores/languages.ts";
import type { Outcome } from "./program/outcome.ts";
import type { Roles } from "./roles.ts";
import { addShellCommands } from "./help/shell_commands.ts";
import { addSignerCommands } from "./key/signer_options.ts";
import { addUpCommands, UP_NOTES } from "./up/up_options.ts";
import { addReport, addStatus, addTop } from "./watching_commands.ts";

/** Adds them to the program. */
export function addOtherCommands(
  program: Command,
  runtime: Runtime,
  roles: Roles,
  outcome: Outcome,
): void {
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
    .summary("write a small project with a core to start from")
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
