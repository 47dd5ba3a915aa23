/** Completions for fish. */

import { allCommands, type CommandNode, type OptionNode, type ValueKind } from "./command_tree.ts";

/** The script. */
export function fishCompletion(program: CommandNode): string {
  const values = allCommands(program).flatMap(({ options }) => options)
    .flatMap(({ names, value }) => value ? names : []);
  return `# Completions of distcomp for fish: distcomp completion fish > ~/.config/fish/completions/distcomp.fish
function __distcomp_after
    set -l words (commandline -opc)
    set -e words[1]
    for word in $argv
        test (count $words) -gt 0; and test "$words[1]" = "$word"; or return 1
        set -e words[1]
    end
    set -g __distcomp_more (count $words)
    return 0
end
function __distcomp_args # how many arguments are there; a word after one of these options is its value
    set -g __distcomp_args 0
    set -l before ''
    set -l words (commandline -opc)
    for word in $words[(math (count $words) - $__distcomp_more + 1)..-1]
        if not string match -q -- '-*' $word; and not contains -- "$before" ${
    [...new Set(values)].join(" ")
  }
            set -g __distcomp_args (math $__distcomp_args + 1)
        end
        set before $word
    end
end
function __distcomp_arg # the number of the argument whose turn it is, and the command
    __distcomp_after $argv[2..-1]; and __distcomp_args; and test $__distcomp_args -eq $argv[1]
end
function __distcomp_arg_from # the same for one that may be given several times
    __distcomp_after $argv[2..-1]; and __distcomp_args; and test $__distcomp_args -ge $argv[1]
end
function __distcomp_next
    __distcomp_after $argv; and test $__distcomp_more -eq 0
end
function __distcomp_outputs # folders, and packs that have a journal
    for one in (complete -C "'' "(commandline -ct) | string replace -r '\\t.*' '')
        set -l path (string replace -r '^~(?=/)' $HOME -- $one)
        if test -d $path; and not string match -q -- '*.distcomp/' $path; or test -d $path.distcomp
            echo $one
        end
    end
end
${allCommands(program).flatMap(linesOf).join("\n")}
`;
}

function linesOf(command: CommandNode): string[] {
  const words = command.path.join(" ");
  const after = quoted(`__distcomp_after${words === "" ? "" : ` ${words}`}`);
  const next = quoted(`__distcomp_next${words === "" ? "" : ` ${words}`}`);
  return [
    ...command.commands.map(({ path, summary }) =>
      `complete -c distcomp -n ${next} -f -a ${path.at(-1)} -d ${quoted(summary)}`
    ),
    ...command.options.map((option) =>
      `complete -c distcomp -n ${command.path.length > 0 ? after : next} ${optionOf(option)}`
    ),
    ...(command.commands.length === 0 ? argumentLines(command) : []),
  ];
}

/** Each argument, and nothing after the last one. */
function argumentLines({ path, arguments: args }: CommandNode): string[] {
  const turn = (index: number, isVariadic: boolean) =>
    quoted(`__distcomp_arg${isVariadic ? "_from" : ""} ${index} ${path.join(" ")}`);
  return [
    ...args.map(({ kind, isVariadic }, index) =>
      `complete -c distcomp -n ${turn(index, isVariadic)} ${valueOf(kind)}`
    ),
    ...(args.at(-1)?.isVariadic ? [] : [`complete -c distcomp -n ${turn(args.length, true)} -f`]),
  ];
}

function optionOf({ names, value, description }: OptionNode): string {
  const flags = names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`
  );
  const needs = value ? ` -r ${valueOf(value.kind)}` : " -f";
  return `${flags.join(" ")}${needs} -d ${quoted(description)}`;
}

function valueOf(kind: ValueKind): string {
  if (kind.kind === "choice") return `-f -a ${quoted(kind.choices.join(" "))}`;
  if (kind.kind === "outputs") return "-f -a '(__distcomp_outputs)'";
  if (kind.kind === "folder") return "-f -a '(__fish_complete_directories)'";
  return kind.kind === "file" ? "-F" : "-f";
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
