/**
 * Starts the program under test and makes sure that nothing of it outlives the test:
 *
 * ```ts ignore
 * import { startWorker } from "./processes.ts";
 *
 * await using worker = await startWorker({ slots: 1 });
 * worker.port; // the port that it listens on
 * ```
 *
 * At the end of the test the worker is told to end. It must then exit with status 0 and leave neither a
 * process nor a file behind. So every test also tests the cleanup.
 */

import "./own_settings.ts";
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { processesOf } from "./process_list.ts";
import { programCommand } from "./program_commands.ts";

/** Longest wait for a condition. Machines that are busy with other work have stood still for half a minute. */
export const WAIT_LIMIT_MS = 120_000;

/**
 * A condition is checked again after a tenth of the time that it has been waited for. Some start a process to look,
 * which would take from a busy machine what the program needs to get there.
 */
const POLL_PART = 0.1;
const POLL_MS = { min: 10, max: 100 } as const;

/**
 * Longest life of a program in a test. After that it is killed. A test that waits for an answer that
 * never arrives then loses its connection and fails instead of hanging.
 */
const LIFE_LIMIT_MS = 300_000;

/** A run that is told to end at the end of its test may finish its jobs within this time. */
const JOBS_END_MS_MAX = 1_000;

/**
 * Another program may take this long to end at the end of its test. A worker waits for its jobs, and in a test that has
 * failed nobody lets them go on. If all of its workers waited in vain, the runner would give up on the test, and tell its
 * error as that of the next one.
 */
const PROGRAM_END_MS_MAX = 40_000;

/** Calls `look` until it returns a value that is neither undefined nor false, and returns that value. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const startedAtMs = performance.now();
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    const waitedMs = performance.now() - startedAtMs;
    if (waitedMs > WAIT_LIMIT_MS) {
      throw new Error(`Waited for ${WAIT_LIMIT_MS / 1000} s in vain: ${what}`);
    }
    await delay(Math.min(Math.max(POLL_PART * waitedMs, POLL_MS.min), POLL_MS.max));
  }
}

/** A guardian, and the program with which it looks for processes. */
const GUARDIAN = / distcomp-guardian | grep -lsF -- DISTCOMP_SLOT_PROCESS=/;

/**
 * No process runs any more that was started with the temporary folder `directory`. Only the guardian of a worker that
 * was killed still looks for what that may have left, and ends by itself.
 */
export async function endsWithoutProcesses(directory: string): Promise<void> {
  const others = (await processesOf(directory)).filter((line) => !GUARDIAN.test(line));
  assert.deepEqual(others, [], "it leaves no process behind");
  await eventually("its guardians end", async () => (await processesOf(directory)).length === 0);
}

/** Signals that tests send. */
export type Signal =
  | "SIGTERM"
  | "SIGINT"
  | "SIGHUP"
  | "SIGQUIT"
  | "SIGKILL"
  | "SIGSTOP"
  | "SIGTSTP"
  | "SIGCONT"
  | "SIGUSR1"
  | "SIGUSR2";

/** How a process ended. One of the two fields is null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** How to start the program. */
export interface ProgramOptions {
  /** What to start; `programCommand()` by default. */
  readonly command?: readonly string[];
  /** A command that runs the program, which is appended as its arguments: `["nice", "-n", "19"]`. */
  readonly through?: readonly string[];
  /** Stdin and stdout carry a protocol. The test uses them, and they are not collected as text. */
  readonly isStdio?: boolean;
  /** What the program reads on stdin. Empty by default. */
  readonly stdin?: string | Uint8Array;
  /** Working folder. */
  readonly cwd?: string;
  /** Environment variables in addition to those of this process. `undefined` removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Longest life; five minutes by default. */
  readonly lifeLimitMs?: number | undefined;
}

/** A running program. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lifeLimit: ReturnType<typeof setTimeout>;
  /** Its own temporary folder. The path is in the command line of every process that it starts. */
  readonly #directory: string;
  /** Whether it is a run, which ends by itself. */
  readonly #isRun: boolean;
  #stdout = "";
  #stderr = "";
  #hasExited = false;
  /** Resolves when the program has ended and all its output has arrived. */
  readonly exited: Promise<Exit>;

  private constructor(
    child: ChildProcess,
    directory: string,
    isRun: boolean,
    { isStdio = false, lifeLimitMs = LIFE_LIMIT_MS }: ProgramOptions,
  ) {
    this.#child = child;
    this.#directory = directory;
    this.#isRun = isRun;
    if (!isStdio) child.stdout?.setEncoding("utf8").on("data", (text) => this.#stdout += text);
    child.stderr?.setEncoding("utf8").on("data", (text) => this.#stderr += text);
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#hasExited = true;
        resolve({ code, signal });
      });
    });
    this.#lifeLimit = setTimeout(() => this.signal("SIGKILL"), lifeLimitMs);
  }

  static async start(args: readonly string[], options: ProgramOptions = {}): Promise<Program> {
    const directory = await mkdtemp(join(tmpdir(), "dc-"));
    const program = options.command ?? programCommand();
    const [command, ...rest] = [...options.through ?? [], ...program, ...args];
    const { isStdio = false, stdin, cwd, env } = options;
    const child = spawn(command as string, rest, {
      cwd,
      env: { ...process.env, TMPDIR: directory, ...env },
      stdio: [isStdio || stdin !== undefined ? "pipe" : "ignore", "pipe", "pipe"],
    });
    await once(child, "spawn");
    child.stdin?.on("error", () => {}); // the program may end before it has read all of stdin
    if (stdin !== undefined) child.stdin?.end(stdin);
    return new Program(child, directory, args[0] === "run", options);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** What the program has printed to stdout so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** What the program has printed to stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The port that the worker listens on, according to its output. */
  get port(): number {
    const port = /^listening on .*:(\d+), \d+ slots?$/m.exec(this.#stdout)?.[1];
    assert(port, `the worker has not said where it listens: ${this.#stdout}`);
    return Number(port);
  }

  /** Stops or resumes reading its stderr. */
  pauseStderr(isPaused: boolean): void {
    if (isPaused) this.#child.stderr?.pause();
    else this.#child.stderr?.resume();
  }

  /** Waits until its output matches `pattern`. */
  async printed(where: "stdout" | "stderr", pattern: RegExp): Promise<RegExpMatchArray> {
    return await eventually(`${pattern} on ${where}`, () => {
      const match = this[where].match(pattern);
      if (match) return match;
      assert(!this.#hasExited, `it ended without printing ${pattern}: ${this.#stderr}`);
    });
  }

  /**
   * Sends a signal, unless the program has ended. This does not use `ChildProcess.kill`, because Deno would
   * then report the signal as the way the process ended, whatever the process did.
   */
  signal(name: Signal): void {
    if (!this.#hasExited) signalQuietly(this.pid, name);
  }

  /** Stops the program (SIGSTOP) until the test ends or disposes the result. */
  freeze(): Disposable {
    this.signal("SIGSTOP");
    return { [Symbol.dispose]: () => this.signal("SIGCONT") };
  }

  /** Tells the program to end. It must do so and leave nothing behind. */
  async stop(): Promise<void> {
    this.signal("SIGTERM");
    await this.endsCleanly();
  }

  /** Waits until the program ends by itself. It must exit with status `code` and leave nothing behind. */
  async endsCleanly(code = 0): Promise<void> {
    await eventually("the program ends", () => this.#hasExited);
    assert.deepEqual(await this.exited, { code, signal: null }, this.#stderr);
    await this.leavesNoProcess();
    assert.deepEqual(await this.files(), [], "it leaves no file behind");
  }

  /** Waits until the program ends by itself, with whatever status, and leaves nothing behind. */
  async end(): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const { code, signal } = await this.exited;
    assert.equal(signal, null, this.stderr);
    await this.leavesNoProcess();
    assert.deepEqual(await this.files(), [], "it leaves no file behind");
    return { code, stdout: this.stdout, stderr: this.stderr };
  }

  /** The same at the end of its test. If that has failed, nobody lets the jobs go on that it waits for. */
  async #stopAtLast(): Promise<void> {
    const limitMs = this.#isRun ? JOBS_END_MS_MAX : PROGRAM_END_MS_MAX;
    this.signal("SIGTERM");
    await Promise.race([this.exited, delay(limitMs, undefined, { ref: false })]);
    this.signal(this.#isRun ? "SIGQUIT" : "SIGTERM");
    await this.endsCleanly();
  }

  /** Kills the program only, not its slots. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  /** Processes that it has started and that still run, even if the program itself has ended. */
  async descendants(): Promise<number[]> {
    return (await this.#lines()).map((line) => parseInt(line, 10));
  }

  /** Nothing that it has started runs any more. */
  async leavesNoProcess(): Promise<void> {
    await endsWithoutProcesses(this.#directory);
  }

  /** Those that are slots. */
  async slots(): Promise<number[]> {
    const lines = (await this.#lines()).filter((line) => / slot \/.* \{/.test(line));
    return lines.map((line) => parseInt(line, 10));
  }

  async #lines(): Promise<string[]> {
    return await processesOf(this.#directory);
  }

  /** Names of the files in its temporary folder. */
  async files(): Promise<string[]> {
    return await readdir(this.#directory);
  }

  /** Resident memory of the program, without its slots. */
  async residentBytes(): Promise<number> {
    const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(this.pid)]);
    return Number(stdout) * 1024;
  }

  /** Writes to its stdin, which stays open. Requires `isStdio`. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Ends its stdin. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Opens a port that is connected to its stdin and stdout, for a peer that needs a socket. */
  async openStdio(): Promise<number> {
    const { stdin, stdout } = this.#child;
    assert(stdin && stdout, "the program was not started with isStdio");
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      server.close();
      socket.on("error", () => stdin.destroy());
      socket.pipe(stdin);
      (stdout as Readable).pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as { port: number }).port;
  }

  /** Ends the program, properly unless the test has ended it already, and cleans up. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (!this.#hasExited) await this.#stopAtLast();
    } finally {
      clearTimeout(this.#lifeLimit);
      await this.kill();
      for (const pid of await this.descendants()) signalQuietly(pid, "SIGKILL");
      await rm(this.#directory, { recursive: true, force: true });
    }
  }
}

/** Starts a worker on a free port of this machine and waits until it listens. */
export async function startWorker(
  options: {
    readonly slots?: number;
    /** The address that it listens on; 127.0.0.1 by default. */
    readonly host?: string;
    /** The file of its key. */
    readonly key?: string | undefined;
    readonly through?: readonly string[];
    /** Where the worker creates its temporary folder. By default, a folder of this test. */
    readonly tmpdir?: string;
    readonly lifeLimitMs?: number;
  } = {},
): Promise<Program> {
  const { slots = 2, host = "127.0.0.1", key, through = [], tmpdir, lifeLimitMs } = options;
  const args = ["worker", "--listen", `${host}:0`, "--slots", String(slots)];
  if (key !== undefined) args.push("--key", key);
  const env = tmpdir === undefined ? {} : { TMPDIR: tmpdir };
  const worker = await Program.start(args, { through, env, lifeLimitMs });
  try {
    await worker.printed("stdout", /^listening on .*\n/m);
    return worker;
  } catch (error) {
    await worker.kill();
    await worker[Symbol.asyncDispose]();
    throw error;
  }
}

/** Sends a signal to a process that may just have ended by itself. */
export function signalQuietly(pid: number, name: Signal): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended by itself.
  }
}
