/**
 * Starts the program that is tested, and sees that nothing of it outlives the test:
 *
 * ```ts ignore
 * import { startWorker } from "./processes.ts";
 *
 * await using worker = await startWorker({ slots: 1 });
 * worker.port; // the port that it listens on
 * ```
 *
 * At the end of the test the worker is asked to end. It must then exit with status 0 and leave neither a
 * process nor a file behind, so that every test is one of cleaning up too.
 */

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
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Anything that a test waits for has happened by then, also on a machine that is busy with other things. */
const WAIT_LIMIT_MS = 30_000;

/** How often a condition is looked at. */
const POLL_MS = 20;

/**
 * No test takes that long. The program is then killed, so that a test which waits for an answer that
 * never comes has its connection cut, and fails instead of hanging.
 */
const LIFE_LIMIT_MS = 90_000;

/** The command that starts the program, without arguments. `DISTCOMP_TEST_COMMAND` puts another there. */
export function programCommand(): string[] {
  const given = process.env.DISTCOMP_TEST_COMMAND?.trim();
  if (given) return given.split(/\s+/);
  const entry = fileURLToPath(new URL("../../cli.ts", import.meta.url));
  const flags = process.versions.bun ? [] : ["-A", "--quiet"];
  return [process.execPath, "run", ...flags, entry];
}

/** Looks again and again until there is something to see, and returns that. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadlineMs = performance.now() + WAIT_LIMIT_MS;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadlineMs) {
      throw new Error(`Waited for ${WAIT_LIMIT_MS / 1000} s in vain: ${what}`);
    }
    await delay(POLL_MS);
  }
}

/** What a test does to a process. */
export type Signal = "SIGTERM" | "SIGINT" | "SIGKILL" | "SIGSTOP" | "SIGCONT";

/** How a process ended: one of the two is null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** How to start a program. */
export interface ProgramOptions {
  /** A command that runs ours, which it gets as its arguments: `["nice", "-n", "19"]`. */
  readonly through?: readonly string[];
  /** Stdin and stdout carry a protocol: they are the test's, and not collected as text. */
  readonly isStdio?: boolean;
  /** What it reads on stdin, which is empty otherwise. */
  readonly stdin?: string | Uint8Array;
  /** The folder it starts in. */
  readonly cwd?: string;
  /** Variables beside those of this process; `undefined` takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The program, running. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lifeLimit: ReturnType<typeof setTimeout>;
  /** Its temporary folder, nobody else's: it is in the command line of every process that it starts. */
  readonly #directory: string;
  #stdout = "";
  #stderr = "";
  #hasExited = false;
  /** Settles once it has ended and all it printed is here. */
  readonly exited: Promise<Exit>;

  private constructor(child: ChildProcess, directory: string, isStdio: boolean) {
    this.#child = child;
    this.#directory = directory;
    if (!isStdio) child.stdout?.setEncoding("utf8").on("data", (text) => this.#stdout += text);
    child.stderr?.setEncoding("utf8").on("data", (text) => this.#stderr += text);
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#hasExited = true;
        resolve({ code, signal });
      });
    });
    this.#lifeLimit = setTimeout(() => this.signal("SIGKILL"), LIFE_LIMIT_MS);
  }

  static async start(args: readonly string[], options: ProgramOptions = {}): Promise<Program> {
    const directory = await mkdtemp(join(tmpdir(), "dc-"));
    const [command, ...rest] = [...options.through ?? [], ...programCommand(), ...args];
    const { isStdio = false, stdin, cwd, env } = options;
    const child = spawn(command as string, rest, {
      cwd,
      env: { ...process.env, TMPDIR: directory, ...env },
      stdio: [isStdio || stdin !== undefined ? "pipe" : "ignore", "pipe", "pipe"],
    });
    await once(child, "spawn");
    child.stdin?.on("error", () => {}); // it may end without having read all of it
    if (stdin !== undefined) child.stdin?.end(stdin);
    return new Program(child, directory, isStdio);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** What it has printed so far. */
  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The port that it said it listens on. */
  get port(): number {
    const port = /^listening on .*:(\d+), \d+ slots?$/m.exec(this.#stdout)?.[1];
    assert(port, `the worker has not said where it listens: ${this.#stdout}`);
    return Number(port);
  }

  /** Reads nothing of its stderr, or goes on. */
  pauseStderr(isPaused: boolean): void {
    if (isPaused) this.#child.stderr?.pause();
    else this.#child.stderr?.resume();
  }

  /** Waits until what it printed there matches. */
  async printed(where: "stdout" | "stderr", pattern: RegExp): Promise<RegExpMatchArray> {
    return await eventually(`${pattern} on ${where}`, () => {
      const match = this[where].match(pattern);
      if (match) return match;
      assert(!this.#hasExited, `it ended without printing ${pattern}: ${this.#stderr}`);
    });
  }

  /**
   * Sends a signal, unless it has ended. Not with the `kill` of a `ChildProcess`: Deno then reports that
   * signal as how the process ended, whatever the process made of it.
   */
  signal(name: Signal): void {
    if (!this.#hasExited) signalQuietly(this.pid, name);
  }

  /** Stops all that it does, until the test ends or wakes it. */
  freeze(): Disposable {
    this.signal("SIGSTOP");
    return { [Symbol.dispose]: () => this.signal("SIGCONT") };
  }

  /** Asks it to end. It has to comply, and to leave nothing behind. */
  async stop(): Promise<void> {
    this.signal("SIGTERM");
    await this.endsCleanly();
  }

  /** Waits until it ends, which it has to do by itself, with that status and leaving nothing behind. */
  async endsCleanly(code = 0): Promise<void> {
    await eventually("the program ends", () => this.#hasExited);
    assert.deepEqual(await this.exited, { code, signal: null }, this.#stderr);
    assert.deepEqual(await this.descendants(), [], "it leaves no process behind");
    assert.deepEqual(await this.files(), [], "it leaves no file behind");
  }

  /** Kills it, and nothing else: what becomes of its slots is for the test to see. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  /** The processes that it has started and that still run, also when it is gone itself. */
  async descendants(): Promise<number[]> {
    const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", "-o", "pid=,args="]);
    return stdout.split("\n")
      .filter((line) => line.includes(this.#directory))
      .map((line) => parseInt(line, 10));
  }

  /** What lies in its temporary folder. */
  async files(): Promise<string[]> {
    return await readdir(this.#directory);
  }

  /** Memory that it has in use, without its slots. */
  async residentBytes(): Promise<number> {
    const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(this.pid)]);
    return Number(stdout) * 1024;
  }

  /** Gives it a piece of stdin, which `isStdio` keeps open for that. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Ends its stdin. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Opens a port that leads to its stdin and stdout, for a peer that knows only sockets. */
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

  /** Ends it, properly if the test has not ended it already. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (!this.#hasExited) await this.stop();
    } finally {
      clearTimeout(this.#lifeLimit);
      await this.kill();
      for (const pid of await this.descendants()) signalQuietly(pid, "SIGKILL");
      await rm(this.#directory, { recursive: true, force: true });
    }
  }
}

/** Starts a worker that listens on a free port of this machine, and waits until it does. */
export async function startWorker(
  options: {
    readonly slots?: number;
    readonly through?: readonly string[];
    /** Where it makes its folder, if not in one of the test's own. */
    readonly tmpdir?: string;
  } = {},
): Promise<Program> {
  const { slots = 2, through = [], tmpdir } = options;
  const args = ["worker", "--listen", "127.0.0.1:0", "--slots", String(slots)];
  const env = tmpdir === undefined ? {} : { TMPDIR: tmpdir };
  const worker = await Program.start(args, { through, env });
  try {
    await worker.printed("stdout", /^listening on .*\n/m);
    return worker;
  } catch (error) {
    await worker.kill();
    await worker[Symbol.asyncDispose]();
    throw error;
  }
}

function signalQuietly(pid: number, name: Signal): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended by itself.
  }
}
