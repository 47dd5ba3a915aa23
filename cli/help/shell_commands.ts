/** `distcomp completion` and `distcomp man`: what shells and man know of the command line. */

import { Argument, type Command } from "commander";
import { BENCH_NOTES } from "../bench/bench_options.ts";
import { CHECK_NOTES } from "../cores/check_options.ts";
import { commandTree } from "./command_tree.ts";
import {
  COMPLETION_NOTES,
  EXEC_NOTES,
  NEW_NOTES,
  type Notes,
  notesText,
  RUN_NOTES,
  WORKER_NOTES,
} from "../options/help_notes.ts";
import { KEY_NOTES } from "../key/key_options.ts";
import { STATUS_NOTES, TOP_NOTES } from "../watching/status_options.ts";
import { writeStdout } from "../terminal/stdout.ts";
import { UP_NOTES } from "../up/up_options.ts";
import { VERSION } from "../program/version.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** The notes below the options of commands. */
const NOTES: ReadonlyMap<string, Notes> = new Map([
  ["run", RUN_NOTES],
  ["worker", WORKER_NOTES],
  ["exec", EXEC_NOTES],
  ["new", NEW_NOTES],
  ["check", CHECK_NOTES],
  ["bench", BENCH_NOTES],
  ["status", STATUS_NOTES],
  ["top", TOP_NOTES],
  ["key", KEY_NOTES],
  ["up", UP_NOTES],
  ["completion", COMPLETION_NOTES],
]);

/** Adds the commands to the program, which has all others already. */
export function addShellCommands(program: Command): void {
  const completion: Command = program.command("completion")
    .summary("print completions for bash, zsh or fish")
    .description(
      "Print a script with which a shell completes the commands and options of distcomp.",
    )
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", () => notesText(completion, COMPLETION_NOTES));
  completion.action(async (shell: Shell) => writeStdout(await scriptFor(shell, program)));
  program.command("man")
    .summary("print the manual page")
    .description("Print the manual page, distcomp.1, for man: distcomp man | man -l -")
    .helpOption("-h, --help", "show this help")
    .action(async () => {
      const { manPage } = await import("./man_page.ts");
      writeStdout(manPage(commandTree(program), VERSION, notesOf));
    });
}

async function scriptFor(shell: Shell, program: Command): Promise<string> {
  const tree = commandTree(program);
  if (shell === "bash") return (await import("./completion_bash.ts")).bashCompletion(tree);
  if (shell === "zsh") return (await import("./completion_zsh.ts")).zshCompletion(tree);
  return (await import("./completion_fish.ts")).fishCompletion(tree);
}

function notesOf(path: readonly string[]): readonly string[] {
  const notes = NOTES.get(path.join(" "));
  return notes ? [notes.examples, ...notes.paragraphs] : [];
}
