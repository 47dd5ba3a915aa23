/** The manual page `distcomp(1)`, in the language of man. It has what the help of each command has. */

import { allCommands, type CommandNode, type OptionNode } from "./command_tree.ts";

/** The text below the options of a command, such as examples. */
export type NotesOf = (path: readonly string[]) => readonly string[];

/** The page. `notesOf`: paragraphs about a command, those that are examples with line feeds. */
export function manPage(program: CommandNode, version: string, notesOf: NotesOf): string {
  const [, ...commands] = allCommands(program);
  return [
    `.TH DISTCOMP 1 "" ${quoted(`distcomp ${version}`)} "User Commands"`,
    ".SH NAME",
    "distcomp \\- run a compute core on many inputs and many machines",
    ".SH SYNOPSIS",
    ...commands.filter(({ commands }) => commands.length === 0).flatMap(synopsis),
    ".SH DESCRIPTION",
    plain(program.description),
    ".SH COMMANDS",
    ...commands.flatMap((command) => section(command, notesOf)),
    ".SH SEE ALSO",
    plain("The pages in docs/: reference.md says more about each option."),
    "",
  ].join("\n");
}

function synopsis(command: CommandNode): string[] {
  return [".br", `${bold(nameOf(command))} ${argumentsOf(command)}`];
}

function section(command: CommandNode, notesOf: NotesOf): string[] {
  return [
    `.SS ${quoted(nameOf(command))}`,
    plain(command.description),
    ...command.arguments.flatMap(({ name, description }) =>
      description === "" ? [] : [".TP", italic(name), plain(description)]
    ),
    ...command.options.flatMap(optionLines),
    ...notesOf(command.path).flatMap(noteLines),
  ];
}

function optionLines({ names, value, description }: OptionNode): string[] {
  const title = names.map(bold).join(", ");
  return [".TP", value ? `${title} ${italic(value.name)}` : title, plain(description)];
}

function noteLines(text: string): string[] {
  if (!text.includes("\n")) return [".PP", plain(text)];
  return [".PP", ".nf", ...text.trim().split("\n").map(plain), ".fi"];
}

function nameOf({ path }: CommandNode): string {
  return ["distcomp", ...path].join(" ");
}

function argumentsOf({ arguments: args, options }: CommandNode): string {
  const names = args.map(({ name, isRequired, isVariadic }) => {
    const many = isVariadic ? "\\&..." : "";
    return isRequired ? `${italic(name)}${many}` : `[${italic(name)}${many}]`;
  });
  return [...(options.length > 1 ? ["[options]"] : []), ...names].join(" ");
}

function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

function italic(text: string): string {
  return `\\fI${escaped(text)}\\fR`;
}

function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', "\\(dq")}"`;
}

/** A line of text. One that begins with a point or a quote would be a request. */
function plain(text: string): string {
  return escaped(text).replace(/^(?=[.'])/, "\\&");
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("…", "...");
}
