/** Completions for zsh. */

import type { ArgumentNode, CommandNode, OptionNode, ValueKind } from "./command_tree.ts";

/** The script. */
export function zshCompletion(program: CommandNode): string {
  return `#compdef distcomp
# Completions of distcomp for zsh. In ~/.zshrc, after compinit: source <(distcomp completion zsh)
_distcomp_is_pack() { [[ -f $REPLY && -d $REPLY.distcomp ]] }
_distcomp_outputs() { # folders, and packs that have a journal
  _alternative 'folders:folder:_files -/ -F "*.distcomp"' \\
    'packs:pack:_files -g "*(+_distcomp_is_pack)"'
}
${functionsOf(program).join("\n")}
# As a file in $fpath, it is called at once.
if [[ $funcstack[1] == _distcomp ]]; then _distcomp "$@"; else compdef _distcomp distcomp; fi
`;
}

/** A function for the command, and for each below it. */
function functionsOf(command: CommandNode): string[] {
  const specs = [
    ...command.options.flatMap(optionSpecs),
    ...(command.commands.length > 0
      ? [quoted("1: :->command"), quoted("*:: :->rest")]
      : command.arguments.map(argumentSpec)),
  ];
  const own = `${nameOf(command.path)}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -C -s -S ${specs.join(" \\\n    ")}
${command.commands.length > 0 ? nextStep(command) : ""}}`;
  return [...command.commands.flatMap(functionsOf), own];
}

function nextStep({ commands }: CommandNode): string {
  const words = commands.map(({ path, summary }) => quoted(`${path.at(-1)}:${summary}`));
  const cases = commands.map(({ path }) => `        ${path.at(-1)}) ${nameOf(path)} ;;`);
  return `  case $state in
    command)
      local -a commands
      commands=(${words.join(" ")})
      _describe command commands ;;
    rest)
      case $line[1] in
${cases.join("\n")}
      esac ;;
  esac
`;
}

/** An option may be given again, as some may; which ones is not worth a rule. */
function optionSpecs({ names, value, description }: OptionNode): string[] {
  const text = description.replace(/[[\]]/g, "\\$&");
  const end = value ? `:${inSpec(value.name)}:${actionOf(value.kind)}` : "";
  return names.map((name) => quoted(`*${name}[${text}]${end}`));
}

function argumentSpec({ name, isVariadic, kind }: ArgumentNode): string {
  return quoted(`${isVariadic ? "*" : ""}:${inSpec(name)}:${actionOf(kind)}`);
}

function actionOf(kind: ValueKind): string {
  if (kind.kind === "choice") return `(${kind.choices.join(" ")})`;
  if (kind.kind === "folder") return "_files -/";
  if (kind.kind === "outputs") return "_distcomp_outputs";
  return kind.kind === "file" ? "_files" : " ";
}

function inSpec(text: string): string {
  return text.replace(/:/g, "\\:");
}

function nameOf(path: readonly string[]): string {
  return ["_distcomp", ...path].join("_").replace(/-/g, "_");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
