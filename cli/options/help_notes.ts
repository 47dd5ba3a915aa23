/** The examples and notes below the options in the help of a command. */

import type { Command } from "commander";
import process from "node:process";

/** Text below the options of a command. */
export interface Notes {
  readonly examples: string;
  readonly paragraphs: readonly string[];
}

/** Below the options of `distcomp run`. */
export const RUN_NOTES: Notes = {
  examples: `
Examples:
  distcomp run core.so inputs/                     on every CPU of this machine
  distcomp run core.so inputs/ --workers a,b:9000  on workers on two machines
  distcomp run x86.so,arm.so in/ --ssh node[1-20]  each gets the core that fits
  distcomp run core.so --repeat 100000 -o sweep    inputs 0, 1, 2, …
  distcomp run core.so --param a=1,2 --param b=x,y two parameters: four jobs
  find . -name '*.dat' | distcomp run core.so -    a list of files`,
  paragraphs: [
    "Repeat the command to resume a run that ended early, even after kill -9: finished jobs are " +
    "skipped, unless their input or the core has changed.",
    "Ctrl-C, SIGTERM, and SIGHUP without nohup let running jobs finish; a second Ctrl-C does not " +
    "wait for them. Ctrl-Z stops the jobs on this machine too. SIGUSR2 prints what the run is doing.",
    "Exit status: 0 all jobs done, 1 some jobs failed, 2 wrong usage or input, or the outputs " +
    "cannot be written, 3 no usable worker, 4 --time-limit reached, 130 interrupted.",
  ],
};

/** Below the options of `distcomp worker`. */
export const WORKER_NOTES: Notes = {
  examples: `
Examples:
  distcomp worker                          for controllers with the same key
  distcomp worker --listen 127.0.0.1:7433  for controllers on this machine
  distcomp worker --connect head:7433      for a run that listens
  ssh node distcomp worker --stdio         over a pipe`,
  paragraphs: [
    "Controllers need the same key, unless they are programs of this user on this machine: see " +
    "distcomp help key. The first worker makes one, in ~/.config/distcomp/key.",
    "Ctrl-C, SIGTERM, and SIGHUP without nohup let running jobs finish; a second signal kills them. " +
    "SIGUSR2 logs what the worker is doing.",
  ],
};

/** Below the options of `distcomp exec`. */
export const EXEC_NOTES: Notes = {
  examples: `
Examples:
  distcomp exec core.so inputs/a                  prints the output
  gdb --args distcomp exec core.so inputs/a       stops where the core crashes
  THRESHOLD=5 distcomp exec core.so - < inputs/a  with a variable`,
  paragraphs: [
    "The core runs in the working folder and with the environment of this command. What it " +
    "prints appears unchanged; -o keeps the job's output separate from that.",
    "Exit status: the exit code of the core if it is 0 to 255, otherwise 1; 2 also if no job could run. " +
    "If the core crashes, this process dies of the signal.",
  ],
};

/** Below the arguments of `distcomp new`. */
export const NEW_NOTES: Notes = {
  examples: `
Examples:
  distcomp new c sum                     writes the folder sum
  make -C sum                            builds sum/sum.so
  distcomp run sum/sum.so sum/inputs/    runs it`,
  paragraphs: [
    "The core adds numbers. It catches and prints what its language throws, so that a failed job " +
    "says why it failed. docs/cores.md says what else a core can rely on.",
  ],
};

/** Below the arguments of `distcomp completion`. */
export const COMPLETION_NOTES: Notes = {
  examples: `
Examples:
  source <(distcomp completion bash)      in ~/.bashrc
  source <(distcomp completion zsh)       in ~/.zshrc, after compinit
  distcomp completion fish > ~/.config/fish/completions/distcomp.fish`,
  paragraphs: [
    "Packages put the script of bash into /usr/share/bash-completion/completions/distcomp, and that " +
    "of zsh, as _distcomp, into a folder of $fpath.",
  ],
};

/** Width of the help when stdout is not a terminal. */
const HELP_COLUMNS = 80;

/** The notes as text. The paragraphs are wrapped like the rest of the help. */
export function notesText(command: Command, { examples, paragraphs }: Notes): string {
  const columns = process.stdout.columns || HELP_COLUMNS;
  const help = command.createHelp();
  return [examples, ...paragraphs.map((text) => help.boxWrap(text, columns))].join("\n\n");
}
