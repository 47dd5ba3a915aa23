/**
 * One process for the command lines of a test file that end by themselves: each takes a tenth of what it takes in a
 * process of its own. What belongs to a process (signals, stdin, its exit) is tested with one of its own.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { bundledCommand, isBundled, programCommand } from "../lib/program_commands.ts";
import { type CommandLine, END } from "./command_marks.ts";
import { type EndedCommand, RunningCommand } from "./running_command.ts";

const PROGRAM = bundledCommand(fileURLToPath(new URL("command_lines.ts", import.meta.url)));

/** The longest time of one command. */
const LIFE_LIMIT_MS = 300_000;

/** A process that runs command lines. It ends with the process of the tests, whose pipe it reads. */
export class CommandProcess {
  readonly #child: ChildProcess;
  /** What the current command prints. */
  readonly #printed = { stdout: "", stderr: "" };
  #onPrinted = () => {};
  #hasEnded = false;
  #isBusy = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.setEncoding("utf8").on("data", (text: string) => {
        this.#printed[name] += text;
        this.#onPrinted();
      });
    }
    child.once("close", () => {
      this.#hasEnded = true;
      this.#onPrinted();
    });
    child.stdin?.on("error", () => {}); // "close" says that it has ended
  }

  static async start(): Promise<CommandProcess> {
    const [command, ...args] = PROGRAM;
    const program = isBundled ? [JSON.stringify(programCommand())] : [];
    const child = spawn(command as string, [...args, ...program], { stdio: "pipe" });
    await once(child, "spawn");
    child.unref();
    return new CommandProcess(child);
  }

  /** Whether it can take a command now. */
  get isFree(): boolean {
    return !this.#isBusy && !this.#hasEnded;
  }

  /** Begins a command in `folder`. It runs one at a time. */
  async begin(
    args: readonly string[],
    folder: string,
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<RunningCommand> {
    assert(this.isFree, "it runs one command at a time");
    this.#isBusy = true;
    const temporary = await mkdtemp(join(tmpdir(), "dc-"));
    const ended = this.#result({ args, folder, env: { ...given(env), TMPDIR: temporary } });
    return new RunningCommand(this.#printed, ended, temporary, {
      kill: () => this.#kill(),
      release: () => this.#isBusy = false,
    });
  }

  #kill(): void {
    this.#hasEnded = true; // it takes no other command
    this.#child.kill("SIGKILL");
  }

  async #result(line: CommandLine): Promise<EndedCommand> {
    const limit = setTimeout(() => this.#kill(), LIFE_LIMIT_MS);
    this.#printed.stdout = this.#printed.stderr = "";
    const marked = new Promise<void>((resolve) => {
      this.#onPrinted = () => {
        const { stdout, stderr } = this.#printed;
        if (this.#hasEnded || (stdout.endsWith(END) && stderr.endsWith(END))) resolve();
      };
    });
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`);
    await marked;
    clearTimeout(limit);
    const [stdout = "", code] = this.#printed.stdout.split(END);
    const [stderr = ""] = this.#printed.stderr.split(END);
    assert(code !== undefined, `the process of ${line.args.join(" ")} has ended: ${stderr}`);
    return { code: Number(code), stdout, stderr };
  }
}

/** The environment of the tests, with these variables. `undefined` removes one. */
function given(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const all = Object.entries({ ...process.env, ...env });
  return Object.fromEntries(all.filter((one): one is [string, string] => one[1] !== undefined));
}
