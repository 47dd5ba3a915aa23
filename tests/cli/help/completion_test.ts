/** `distcomp completion` and `distcomp man`, which come from the same source as the help. */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import { Argument, Command, Option } from "commander";
import { allCommands, commandTree } from "../../../cli/help/command_tree.ts";
import { bashCompletion } from "../../../cli/help/completion_bash.ts";
import { fishCompletion } from "../../../cli/help/completion_fish.ts";
import { zshCompletion } from "../../../cli/help/completion_zsh.ts";
import { manPage } from "../../../cli/help/man_page.ts";
import { test, testUnless } from "../../lib/test.ts";
import { Workspace } from "../workspace.ts";

const TREE = commandTree(program());

/** What is typed, and what a shell offers for the last word. */
const TYPED: [string[], string[]][] = [
  [["distcomp", ""], ["run", "key", "new", "status"]],
  [["distcomp", "k"], ["key"]],
  [["distcomp", "key", ""], ["create", "rotate"]],
  [["distcomp", "key", "rotate", "--k"], ["--keep"]],
  [["distcomp", "run", "--"], ["--output", "--print", "--slots", "--help"]],
  [["distcomp", "run", "key", "--p"], ["--print"]],
  [["distcomp", "run", "core.so", "--print", ""], ["show", "off"]],
  [["distcomp", "run", "--slots", ""], []],
];

test("bash completes commands, options and their values", async () => {
  await using workspace = await Workspace.make();
  await makeOutputs(workspace);
  const script = bashCompletion(TREE);
  const offer = (words: readonly string[]) => {
    const array = words.map((word) => `'${word}'`).join(" ");
    const ask = `COMP_WORDS=(${array}); COMP_CWORD=${words.length - 1}; _distcomp; ` +
      'for word in "${COMPREPLY[@]}"; do echo "$word"; done';
    const env = { ...process.env, HOME: workspace.path };
    const options = { encoding: "utf8", cwd: workspace.path, env } as const;
    return linesOf(execFileSync("bash", ["--norc", "-c", `${script}\n${ask}`], options));
  };
  for (const [words, offered] of TYPED) {
    assert.deepEqual(offer(words), offered.toSorted(), words.join(" "));
  }
  assert.deepEqual(offer(["distcomp", "status", "o"]), ["out 1", "out.tar"]);
  assert.deepEqual(offer(["distcomp", "status", "--json", "o"]), ["out 1", "out.tar"]);
  assert.deepEqual(offer(["distcomp", "status", "~/o"]), ["~/out 1", "~/out.tar"]);
  assert.deepEqual(offer(["distcomp", "status", "a", "o"]), [], "one target");
  assert.deepEqual(offer(["distcomp", "new", ""]), ["c", "rust"]);
  assert.deepEqual(offer(["distcomp", "new", "--license", "=", "MIT", ""]), ["c", "rust"]);
  assert.deepEqual(offer(["distcomp", "new", "c", ""]), [], "the name of the project");
});

testUnless(lacks("zsh"), "zsh completes the outputs of runs: folders, and packs", async () => {
  await using workspace = await Workspace.make();
  await makeOutputs(workspace);
  await workspace.write("_distcomp", zshCompletion(TREE));
  // A terminal is needed for it: zsh has one of its own.
  const ask =
    `zmodload zsh/zpty; zpty shell zsh -f -i; zpty -w shell "PS1=; unsetopt zle_bracketed_paste; ` +
    `fpath=(\$PWD \$fpath); autoload -U compinit; compinit -u -D; print READY"; ` +
    `zpty -r shell text "*READY*READY*"; zpty -w -n shell $'distcomp status o\t\t'; ` +
    `zpty -r shell text "*out.tar*"; print -r -- $text`;
  const { stdout } = spawnSync("zsh", ["-f", "-c", ask], {
    cwd: workspace.path,
    encoding: "utf8",
    timeout: 20_000,
  });
  const shown = stripVTControlCharacters(stdout);
  assert.match(shown, /out\\? 1\/ +out\.tar/);
  assert.doesNotMatch(shown, /other\.tar|out\.tar\.distcomp/, "it is no output");
});

/** A folder of outputs, a pack, and others. */
async function makeOutputs(workspace: Workspace): Promise<void> {
  await workspace.write("out 1/.distcomp/jobs.jsonl", "");
  await workspace.write("out.tar", "");
  await workspace.write("out.tar.distcomp/jobs.jsonl", "");
  await workspace.write("other.tar", "");
}

testUnless(lacks("fish"), "fish completes commands, options and their values", async () => {
  await using workspace = await Workspace.make();
  const script = await workspace.write("script.fish", fishCompletion(TREE));
  await workspace.write("folder/file", "");
  const offer = (words: readonly string[]) => {
    const ask = `source ${script}; cd ${workspace.at("folder")}; complete -C '${words.join(" ")}'`;
    const env = { ...process.env, HOME: workspace.path };
    const text = execFileSync("fish", ["-c", ask], { encoding: "utf8", env });
    return withoutDescriptions(text);
  };
  for (const [words, offered] of TYPED) {
    assert.deepEqual(offer(words), offered.toSorted(), words.join(" "));
  }
  assert.deepEqual(offer(["distcomp", "run", "f"]), ["file"]);
  assert.deepEqual(offer(["distcomp", "run", "--slots", "4", "core.so", "f"]), ["file"]);
  assert.deepEqual(offer(["distcomp", "status", "a", "f"]), [], "one target");
  assert.deepEqual(offer(["distcomp", "new", "--license", "MIT", ""]), ["c", "rust"]);
  assert.deepEqual(offer(["distcomp", "new", "c", ""]), [], "the name of the project");
  await makeOutputs(workspace);
  const outputs = withoutDescriptions(
    execFileSync("fish", [
      "-c",
      `source ${script}; cd ${workspace.path}; complete -C 'distcomp status o'`,
    ], {
      encoding: "utf8",
      env: { ...process.env, HOME: workspace.path },
    }),
  );
  assert.deepEqual(outputs, ["out 1/", "out.tar"]);
  for (const typed of ["~/o", "~/out"]) {
    assert.deepEqual(offer(["distcomp", "status", typed]), ["~/out 1/", "~/out.tar"]);
  }
});

testUnless(lacks("zsh"), "zsh understands its script, which has every command and option", () => {
  const script = zshCompletion(TREE);
  const { status, stderr } = spawnSync("zsh", ["-n"], { input: script });
  assert.equal(status, 0, stderr.toString());
  for (const { options, path } of allCommands(TREE)) {
    assert(script.includes(`\n${["_distcomp", ...path].join("_")}() {`));
    for (const name of options.flatMap(({ names }) => names)) assert(script.includes(`'*${name}[`));
  }
});

test("the manual page has each command, option and example, and no request of man by chance", () => {
  const notes = (path: readonly string[]) =>
    path[0] === "run" ? ["\nExamples:\n  .hidden\n  a\\b", "'Quoted' paragraph."] : [];
  const page = manPage(TREE, "1.2.3", notes);
  assert.match(page, /^\.TH DISTCOMP 1 "" "distcomp 1\.2\.3"/);
  assert.match(page, /^\\fB\\-o\\fR, \\fB\\-\\-output\\fR \\fIdir\\fR\nfolder for outputs$/m);
  assert.match(page, /^\.SS "distcomp key rotate"$/m);
  assert.match(page, /^ {2}\.hidden\n {2}a\\eb$/m);
  assert.match(page, /^\\&'Quoted' paragraph\.$/m);
});

testUnless(lacksMan(), "man shows the page of the program without a warning", async () => {
  await using workspace = await Workspace.make();
  const { stdout } = await workspace.run(["man"]);
  const page = await workspace.write("distcomp.1", stdout);
  const env = { ...process.env, LC_ALL: "C.UTF-8", MANWIDTH: "80" };
  const shown = spawnSync("man", ["--warnings", "-P", "cat", page], { env, encoding: "utf8" });
  assert.equal(shown.stderr, "");
  const text = stripVTControlCharacters(shown.stdout);
  const options = ["--workers list", "--dry-run", "--env name[=value]", "--sandbox"];
  for (const option of [...options, "up slurm 50"]) {
    assert(text.includes(option), option);
  }
});

test("a shell that has no completions is refused, and the others are named", async () => {
  await using workspace = await Workspace.make();
  const { code, stderr } = await workspace.run(["completion", "tcsh"]);
  assert.deepEqual([code, stderr], [
    2,
    'distcomp: The shell must be bash, zsh or fish, not "tcsh"\n',
  ]);
});

/** A small command line that has everything. */
function program(): Command {
  const program = new Command("distcomp").helpOption("--help", "help").helpCommand("help");
  program.command("run")
    .summary("run a core: one job")
    .addArgument(new Argument("<core>", "a library"))
    .addArgument(new Argument("[input...]", "files [and] folders"))
    .option("-o, --output <dir>", "folder for outputs")
    .addOption(new Option("--print <what>", "it's shown").choices(["show", "off"]))
    .option("--slots <n>", "jobs at once: one [per CPU]")
    .helpOption("--help", "help");
  program.command("status").summary("look").argument("[target]").helpOption("--help", "help");
  program.command("new").addArgument(new Argument("<language>").choices(["c", "rust"]))
    .argument("<name>").option("--license <name>").helpOption("--help", "help");
  const key = program.command("key").summary("keys").helpOption("--help", "help")
    .helpCommand("help");
  key.command("create").summary("make one").argument("[file]").helpOption("--help", "help");
  key.command("rotate").summary("replace one").option("--keep <time>", "how long")
    .helpOption("--help", "help");
  return program;
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "").sort();
}

/** fish says after a tab what each word is. */
function withoutDescriptions(text: string): string[] {
  return linesOf(text.replace(/\t.*$/gm, ""));
}

function lacks(command: string): string | undefined {
  // Where a system has been minimized, a script says so in the place of `man`.
  const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  return status === 0 && stdout.includes(command) ? undefined : `no ${command} here`;
}

/** Small systems have a program of that name that only says that they leave out all pages. */
function lacksMan(): string | undefined {
  const { stdout } = spawnSync("man", ["--version"], { encoding: "utf8" });
  return lacks("man") ?? (/^man \d/.test(stdout) ? undefined : "needs manual pages");
}
