/** Programs that the benchmarks start: their output, and the two that this project consists of. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The project's folder. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url));

/** A program that says nothing for this long hangs. */
const LIMIT_MS = 5 * 60_000;

/** The largest output that is read: the summary of a run, or seconds. */
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** The command that starts distcomp as this runtime runs it from source. */
export function sourceCommand(): string[] {
  const options = process.versions.bun ? [] : ["-A", "--quiet"];
  return [process.execPath, "run", ...options, join(ROOT, "cli.ts")];
}

/** Runs a program to its end. Resolves to its stdout; rejects with its last line if it fails. */
export async function outputOf(
  [program, ...args]: readonly string[],
  options: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
): Promise<string> {
  const env = { ...process.env, ...options.env };
  const limits = { timeout: LIMIT_MS, maxBuffer: OUTPUT_BYTES_MAX };
  try {
    const ended = await promisify(execFile)(program as string, args, {
      ...options,
      ...limits,
      env,
    });
    return ended.stdout;
  } catch (cause) {
    const { stderr = "", message } = cause as Error & { stderr?: string };
    const last = stderr.trim().split("\n").at(-1) || message;
    throw new Error(`${program} ${args.join(" ")}: ${last}`, { cause });
  }
}

/** Whether a program of this name is on the PATH. */
export async function isInstalled(program: string): Promise<boolean> {
  return await outputOf(["sh", "-c", `command -v ${program}`]).then(() => true, () => false);
}

/** The core that outputs its input, built into `folder`. */
export async function buildEcho(folder: string): Promise<string> {
  const core = join(folder, "echo.so");
  const source = join(ROOT, "tests/fixtures/cores/echo.c");
  await outputOf(["cc", "-O2", "-fPIC", "-shared", "-o", core, source]);
  return core;
}

/** A worker process that listens on this machine. */
export interface WorkerProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly address: string;
  readonly port: number;
  /** Ends it and waits until it has ended. */
  stop(): Promise<void>;
}

/** Starts a worker of distcomp on a free port, and waits until it listens. */
export function startWorker(
  command: readonly string[],
  options: readonly string[],
): Promise<WorkerProcess> {
  return startListening([...command, "worker", "--listen=127.0.0.1:0", ...options]);
}

/** Starts a worker, and waits until it has said where it listens. */
export async function startListening(
  [program, ...args]: readonly string[],
): Promise<WorkerProcess> {
  const child = spawn(program as string, args, { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "exit");
  const lines = createInterface(child.stdout);
  const [line = ""] = await Promise.race([once(lines, "line"), ended.then(() => [])]) as string[];
  const [, address, port] = /^listening on (\S+:(\d+)),/.exec(line) ?? [];
  if (!address || child.pid === undefined) throw new Error(`The worker said "${line}"`);
  return {
    child,
    pid: child.pid,
    address,
    port: Number(port),
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}
