/**
 * A folder for one test, and runs of the program in it:
 *
 * ```ts ignore
 * import assert from "node:assert/strict";
 * import { core } from "../lib/cores.ts";
 * import { Workspace } from "./workspace.ts";
 *
 * await using workspace = await Workspace.make();
 * await workspace.write("inputs/a", "text");
 * await workspace.run(["run", await core("echo"), "inputs"]);
 * assert.deepEqual(await workspace.outputs(), { a: "text" });
 * ```
 */

import assert from "node:assert/strict";
import { constants, type Dirent, readFileSync } from "node:fs";
import { access, mkdir, mkdtemp, readdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { Program, type ProgramOptions } from "../lib/processes.ts";
import { CommandProcess } from "./command_process.ts";
import type { SharedWorker } from "./shared_worker.ts";

/** distcomp's own folder in every output folder. */
const STATE_FOLDER = ".distcomp";

/** Runs commands that need no process of their own, once one was run. */
let shared: Promise<CommandProcess> | undefined;

function commandProcess(): Promise<CommandProcess> {
  return shared ??= CommandProcess.start();
}

/** Where Linux keeps files in memory. */
const MEMORY_FOLDER = "/dev/shm";

/** Some ten thousand files, a page each. Containers often have less. */
const MEMORY_BYTES_MIN = 512 * 1024 * 1024;

/** A run that has ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  /** Without progress lines and workers that join: how many there are depends on how busy the machine is. */
  readonly stderr: string;
}

/** A command that runs. */
export interface Running extends AsyncDisposable {
  readonly stdout: string;
  readonly stderr: string;
  printed(where: "stdout" | "stderr", pattern: RegExp): Promise<RegExpMatchArray>;
  end(): Promise<Ended>;
}

/** A line that a run prints every few seconds where stderr is no terminal. */
const PROGRESS_LINE = /^[\d,]+(\/[\d,]+)? jobs?, .*\n/gm;

/** The line about the worker of a test. */
const JOINED_LINE = /^worker \S+(?: \(\S+\))? joined(: \d+ slots?)?\n/gm;

/** A line of the journal. */
export interface JobRecord {
  readonly v: number;
  readonly index: number;
  readonly input: string;
  readonly state: "done" | "failed";
  readonly exitCode?: number;
  readonly error?: string;
  readonly reason?: string;
  readonly cause?: string;
  readonly worker?: string;
  readonly attempt: number;
  readonly verified?: boolean;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly queuedAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly runMs?: number;
  readonly cpuMs?: number;
  readonly memoryBytes?: number;
  readonly node?: string;
  readonly slot?: number;
  readonly identity?: string;
  readonly file?: string;
  readonly line?: string;
  readonly content?: string;
  readonly core: string;
  readonly crc: string;
}

/** A temporary folder, gone at the end of the test. */
export class Workspace implements AsyncDisposable {
  private constructor(readonly path: string, readonly worker?: SharedWorker) {}

  /** Makes a folder. Runs in it use `worker`; without one, each starts its own as it does for users. */
  static async make(worker?: SharedWorker): Promise<Workspace> {
    return new Workspace(await mkdtemp(join(tmpdir(), "dc-work-")), worker);
  }

  /** Makes a folder in memory where the system can do that, for many files that would take long on a disk. */
  static async makeInMemory(): Promise<Workspace> {
    const parent = await hasRoom(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir();
    return new Workspace(await mkdtemp(join(parent, "dc-work-")));
  }

  /** The absolute path of `name` in this folder. */
  at(name: string): string {
    return join(this.path, name);
  }

  /** Writes a file, and the folders it needs. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = this.at(name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return path;
  }

  /** Writes several files: content by name. */
  async writeAll(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) await this.write(name, content);
  }

  get #variables(): Record<string, string | undefined> {
    return { DISTCOMP_WORKERS: this.worker?.address, NO_COLOR: "1" };
  }

  /** Starts the program here, without `DISTCOMP_WORKERS` from the environment of the tests. */
  start(args: readonly string[], options: ProgramOptions = {}): Promise<Program> {
    const env = { ...this.#variables, ...options.env };
    return Program.start(args, { cwd: this.path, ...options, env });
  }

  /**
   * Begins a command here that ends by itself, whatever the test does meanwhile. All commands of a file run in one
   * process unless they need their own, because they get signals: `start` starts such a process.
   */
  async begin(args: readonly string[], env: ProgramOptions["env"] = {}): Promise<Running> {
    const commands = process.env.DISTCOMP_TEST_COMMAND ? undefined : await commandProcess();
    if (commands?.isFree) {
      return await commands.begin(args, this.path, { ...this.#variables, ...env });
    }
    return await this.start(args, { env });
  }

  /**
   * Runs a command here to its end, after which no process and no temporary file may be left. It gets a process of its
   * own if it reads stdin, or is started in another way.
   */
  async run(args: readonly string[], options: ProgramOptions = {}): Promise<Ended> {
    const { env, ...others } = options;
    const isOnlyCommand = Object.keys(others).length === 0 && args[0] !== "exec" &&
      !args.includes("-");
    if (!isOnlyCommand) return await this.runAlone(args, options);
    await using command = await this.begin(args, env);
    return await endOf(command);
  }

  /** The same in a process of its own. */
  async runAlone(args: readonly string[], options: ProgramOptions = {}): Promise<Ended> {
    await using program = await this.start(args, options);
    return await endOf(program);
  }

  /** Runs a command line here for each case, and gives each case with how that ended. */
  async runEach<T>(
    cases: readonly T[],
    argsOf: (one: T) => readonly string[],
    options?: ProgramOptions,
  ): Promise<[T, Ended][]> {
    const ended: [T, Ended][] = [];
    for (const one of cases) ended.push([one, await this.run(argsOf(one), options)]);
    return ended;
  }

  /** What lies in a folder of outputs, by name and as text, in the order of names, without what is ours. */
  async outputs(folder = "outputs"): Promise<Record<string, string>> {
    const root = this.at(folder);
    // Not even listed: a run that has just begun removes folders in there.
    const entries = (await readdir(root, { withFileTypes: true }))
      .filter(({ name }) => name !== STATE_FOLDER);
    const files = (await Promise.all(entries.map((entry) => filesAt(root, entry)))).flat().sort();
    const contents = files.map((name) => [name, readFileSync(join(root, name), "utf8")]);
    return Object.fromEntries(contents);
  }

  /** The outputs of numbered inputs, by their numbers without the zeros in front. */
  async outputsByNumber(folder = "outputs"): Promise<Record<string, string>> {
    const outputs = Object.entries(await this.outputs(folder));
    for (const [name] of outputs) assert.match(name, /^\d{6}$/);
    return Object.fromEntries(outputs.map(([name, content]) => [Number(name), content]));
  }

  /** The records of all jobs of a run that is over, by their index. Every line has to be one. */
  async records(folder = "outputs"): Promise<JobRecord[]> {
    const text = await this.#journal(folder);
    assert(text === "" || text.endsWith("\n"), "the last record ends its line");
    return recordsOf(text);
  }

  /** The records so far, while a run goes on: part of a line may be written. */
  async recordsSoFar(folder = "outputs"): Promise<JobRecord[]> {
    return recordsOf(await this.#journal(folder).catch(() => ""));
  }

  async #journal(folder: string): Promise<string> {
    return await readFile(join(this.at(folder), STATE_FOLDER, "jobs.jsonl"), "utf8");
  }

  /** The files in distcomp's own folder other than the journal. */
  async leftovers(folder = "outputs"): Promise<string[]> {
    const names = await readdir(join(this.at(folder), STATE_FOLDER));
    return names.filter((name) => name !== "jobs.jsonl");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** An entry of `root` if it is a file; the files in it if it is a folder. */
async function filesAt(root: string, entry: Dirent): Promise<string[]> {
  if (!entry.isDirectory()) return entry.isFile() ? [entry.name] : [];
  const options = { recursive: true, withFileTypes: true } as const;
  return (await readdir(join(root, entry.name), options))
    .filter((below) => below.isFile())
    .map((below) => join(below.parentPath, below.name).slice(root.length + 1));
}

async function hasRoom(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize >= MEMORY_BYTES_MIN;
  } catch {
    return false;
  }
}

/** Waits for a command's end, after which no process and no temporary file may be left. */
export async function endOf(command: Running): Promise<Ended> {
  const { code, stdout, stderr } = await command.end();
  return { code, stdout, stderr: withoutProgress(stderr) };
}

function withoutProgress(stderr: string): string {
  return stderr.replaceAll(PROGRESS_LINE, "").replaceAll(JOINED_LINE, "");
}

/** The records in the whole lines of a journal. */
function recordsOf(text: string): JobRecord[] {
  const records = text.split("\n").slice(0, -1)
    .map((line) => JSON.parse(line) as JobRecord)
    .filter(({ input }) => input !== undefined); // some lines are about runs
  return records.sort((one, other) => one.index - other.index);
}
