/** The commands and options of the command line, as completions and the manual page need them. */

import type { Argument, Command, Option } from "commander";

/** What a value is: a file, a folder, the outputs of a run (a folder or a pack), one of a few words, or anything else. */
export type ValueKind =
  | { readonly kind: "file" | "folder" | "outputs" | "text" }
  | { readonly kind: "choice"; readonly choices: readonly string[] };

/** An option. */
export interface OptionNode {
  /** `-o` and `--output`, or only one of them. */
  readonly names: readonly string[];
  /** What its value is called, and what it is; `undefined` if it has none. */
  readonly value: { readonly name: string; readonly kind: ValueKind } | undefined;
  readonly description: string;
}

/** An argument. */
export interface ArgumentNode {
  readonly name: string;
  readonly isVariadic: boolean;
  readonly isRequired: boolean;
  readonly kind: ValueKind;
  readonly description: string;
}

/** A command, with those below it. */
export interface CommandNode {
  /** The words that lead to it: `["key", "create"]`; none for the program itself. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly options: readonly OptionNode[];
  readonly arguments: readonly ArgumentNode[];
  readonly commands: readonly CommandNode[];
}

/** The tree of a program and its commands. */
export function commandTree(command: Command, path: readonly string[] = []): CommandNode {
  const help = command.createHelp();
  return {
    path,
    summary: command.summary() || command.description(),
    description: command.description(),
    options: help.visibleOptions(command).map(optionNode),
    arguments: command.registeredArguments.map(argumentNode),
    commands: help.visibleCommands(command)
      .filter((below) => below.name() !== "help")
      .map((below) => commandTree(below, [...path, below.name()])),
  };
}

/** The command and all below it. */
export function allCommands(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(allCommands)];
}

function optionNode({ short, long, flags, argChoices, description }: Option): OptionNode {
  const name = /[<[](.+)[>\]]$/.exec(flags)?.[1];
  return {
    names: [short, long].filter((one) => one !== undefined),
    value: name === undefined ? undefined : { name, kind: kindOf(name, argChoices) },
    description,
  };
}

function argumentNode(argument: Argument): ArgumentNode {
  const { variadic, required, argChoices, description } = argument;
  const name = argument.name();
  const kind = kindOf(name, argChoices);
  return { name, isVariadic: variadic, isRequired: required, kind, description };
}

/** The name of a value says what it is. */
function kindOf(name: string, choices: readonly string[] | undefined): ValueKind {
  if (choices) return { kind: "choice", choices };
  if (/\bfile\b|^core$|^input$/.test(name)) return { kind: "file" };
  if (/^(outputs|target)$/.test(name)) return { kind: "outputs" };
  return { kind: /\bdir\b/.test(name) ? "folder" : "text" };
}
