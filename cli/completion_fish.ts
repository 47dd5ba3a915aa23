/** Completions for fish. */

import { allCommands, type CommandNode, type OptionNode, type ValueKind } from "./command_tree.ts";

/** The script. */
export function fishCompletion(program: CommandNode): string {
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
function __distcomp_next
    __distcomp_after $argv; and test $__distcomp_more -eq 0
end
function __distcomp_outputs # folders, and packs that have a journal
    __fish_complete_directories | string match -rv '\\.distcomp/(\\t|$)'
    for one in (commandline -ct)*
        if test -f $one; and test -d $one.distcomp
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
  const [first] = command.arguments;
  return [
    ...command.commands.map(({ path, summary }) =>
      `complete -c distcomp -n ${next} -f -a ${path.at(-1)} -d ${quoted(summary)}`
    ),
    ...command.options.map((option) =>
      `complete -c distcomp -n ${command.path.length > 0 ? after : next} ${optionOf(option)}`
    ),
    ...(first && command.commands.length === 0
      ? [`complete -c distcomp -n ${after} ${valueOf(first.kind)}`]
      : []),
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
