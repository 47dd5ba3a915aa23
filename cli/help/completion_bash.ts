/** Completions for bash, from 3.2 on. They need no package of completions. */

import {
  allCommands,
  type ArgumentNode,
  type CommandNode,
  type OptionNode,
  type ValueKind,
} from "./command_tree.ts";

/** The script. */
export function bashCompletion(program: CommandNode): string {
  const commands = allCommands(program);
  const values = commands.flatMap(({ options }) => options)
    .flatMap(({ names, value }) => value ? names : []);
  const paths = commands.slice(1).map(({ path }) => `"${keyOf(path)}"`);
  return `# Completions of distcomp for bash. In ~/.bashrc: source <(distcomp completion bash)
_distcomp_outputs() { # folders, and packs that have a journal
  local one file
  compopt -o filenames 2>/dev/null
  COMPREPLY=()
  while IFS= read -r one; do
    file=$one
    [[ $one == "~/"* ]] && file=$HOME\${one:1}
    [[ -d $file && $file != *.distcomp || -d $file.distcomp ]] && COMPREPLY+=("$one")
  done < <(compgen -f -- "$cur")
}
_distcomp() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path="" at args=0
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "$path \${COMP_WORDS[at]}" in
      ${paths.join(" | ")}) path="$path \${COMP_WORDS[at]}" args=0; continue ;;
    esac
    case "\${COMP_WORDS[at-1]}" in
      ${[...new Set(values), '"="'].join(" | ")}) continue ;; # the value of an option
    esac
    [[ \${COMP_WORDS[at]} == [-=]* ]] || args=$((args + 1))
  done
  case "$path" in
${commands.map(commandCase).join("\n")}
  esac
}
complete -o default -F _distcomp distcomp
`;
}

/** What is completed after a command: the value of an option, an option, or an argument. */
function commandCase({ path, options, commands, arguments: args }: CommandNode): string {
  const names = options.flatMap((option) => option.names);
  const words = commands.map((command) => command.path.at(-1) as string);
  return `    "${keyOf(path)}")
      case "$prev" in
${valueCases(options).join("\n")}
      esac
      if [[ $cur == -* ]]; then ${wordsOf(names)}
      else ${words.length > 0 ? wordsOf(words) : argumentCases(args)}
      fi ;;`;
}

/** The argument whose turn it is. The last one may be given several times. */
function argumentCases(args: readonly ArgumentNode[]): string {
  const cases = args.map(({ kind, isVariadic }, index) =>
    `${isVariadic ? "*" : index}) ${completed(kind)} ;;`
  );
  return `case $args in ${[...cases, `*) ${completed({ kind: "text" })} ;;`].join(" ")} esac`;
}

/** Options whose values are completed alike are one case. */
function valueCases(options: readonly OptionNode[]): string[] {
  const cases = new Map<string, string[]>();
  for (const { names, value } of options) {
    if (!value) continue;
    const action = completed(value.kind);
    cases.set(action, [...cases.get(action) ?? [], ...names]);
  }
  return [...cases].map(([action, names]) => `        ${names.join(" | ")}) ${action}; return ;;`);
}

/** Without words, bash completes names of files, unless it is told not to. */
function completed(kind: ValueKind): string {
  if (kind.kind === "choice") return wordsOf(kind.choices);
  if (kind.kind === "folder") return 'COMPREPLY=($(compgen -d -- "$cur"))';
  if (kind.kind === "outputs") return "_distcomp_outputs";
  return kind.kind === "file" ? ":" : "compopt +o default 2>/dev/null";
}

function wordsOf(words: readonly string[]): string {
  return `COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$cur"))`;
}

function keyOf(path: readonly string[]): string {
  return path.map((word) => ` ${word}`).join("");
}
