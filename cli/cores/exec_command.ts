/** `distcomp exec`: runs one job in this process, so that a debugger or a sanitizer sees the core at work. */

import { Buffer } from "node:buffer";
import { realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { CoreFileError, readCoreFile } from "../../system/core_file.ts";
import { replaceFile } from "../../system/replaced_file.ts";
import { openStdin } from "../../system/stdin.ts";
import { messageOf, reasonOf } from "../../runtime/error_text.ts";
import type { NativeCore, Runtime } from "../../runtime/ports.ts";
import { ExitCode } from "../program/exit_code.ts";
import { printError } from "../terminal/log.ts";
import { stderr } from "../terminal/stderr.ts";
import { UsageError } from "../program/usage_error.ts";

/** The version of the compute core API that is passed to `worker_init`. */
const CORE_API_VERSION = 1;

/** The largest status that a process can end with. */
const STATUS_MAX = 255;

/** A job as it was typed. */
export interface ExecRequest {
  readonly core: string;
  readonly input: string;
  /** Where the output goes; stdout unless given. */
  readonly output?: string;
}

/** What a job has left. */
interface Outcome {
  readonly exitCode: number;
  readonly output: Uint8Array<ArrayBuffer>;
  /** Why there is no output, although the core reports one. */
  readonly fault?: string;
}

/** Runs the job and ends this process as the core did. Rejects if there is no job to run. */
export async function execCommand(runtime: Runtime, request: ExecRequest): Promise<never> {
  await readCoreFile(request.core, true); // for its errors, which are clearer than the loader's
  const input = await readInput(request.input);
  const path = realpathSync(request.core);
  const own = runtime.openCoreProcess(environmentOf(path));
  // What the core has printed comes before its output, or before an error.
  const { core, outcome: { exitCode, output, fault } } = own.call(() => {
    const core = load(runtime, request.core, path);
    return { core, outcome: runJob(core, input) };
  });
  if (fault === undefined) await writeOutput(output, request.output);
  if (fault !== undefined) printError(fault);
  else if (exitCode !== 0) {
    printError(
      `The core returned exit code ${exitCode}, with ${output.byteLength} bytes of output`,
    );
  }
  await stderr.flush();
  core.close();
  return own.exit(statusOf(exitCode));
}

/** What a slot tells its core, for a process that is the only slot. */
function environmentOf(path: string): Record<string, string> {
  return { DISTCOMP_SLOT: "0", DISTCOMP_SLOTS: "1", DISTCOMP_CORE_DIR: dirname(path) };
}

function load(runtime: Runtime, name: string, path: string): NativeCore {
  const core = openCore(runtime, name, path);
  const result = core.init(CORE_API_VERSION);
  if (result === 0) return core;
  core.close();
  throw new CoreFileError(name, `worker_init returned ${result}`);
}

function openCore(runtime: Runtime, name: string, path: string): NativeCore {
  try {
    return runtime.openCore(path, true);
  } catch (cause) {
    throw new CoreFileError(name, messageOf(cause), { cause });
  }
}

/** Runs one job in the same way as a slot does. */
function runJob(core: NativeCore, input: Uint8Array): Outcome {
  core.input(input.byteLength).set(input);
  const exitCode = core.run(input.byteLength);
  const { outputBytes, outputSize, outputPointer } = core;
  if (outputBytes > 0 && !outputPointer) {
    const fault = `The core reports ${outputSize} bytes of output at a null pointer`;
    return { exitCode: ExitCode.someFailed, output: new Uint8Array(), fault };
  }
  const output = new Uint8Array(outputBytes);
  core.copyOutput(output);
  core.free();
  return { exitCode, output };
}

async function readInput(file: string): Promise<Uint8Array> {
  try {
    return file === "-" ? await readStdin() : await readFile(file);
  } catch (cause) {
    throw new UsageError(`Cannot read input "${file}": ${reasonOf(cause)}`, { cause });
  }
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of openStdin()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function writeOutput(bytes: Uint8Array, file: string | undefined): Promise<void> {
  try {
    await (file === undefined ? writeToStdout(bytes) : replaceFile(file, [bytes]));
  } catch (cause) {
    const where = file === undefined ? "stdout" : `"${file}"`;
    throw new Error(`Cannot write the output to ${where}: ${reasonOf(cause)}`, { cause });
  }
}

function writeToStdout(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.on("error", reject);
    process.stdout.write(bytes, (error) => error ? reject(error) : resolve());
  });
}

/** A process has eight bits to say how it ended: a code that does not fit is 1, so that it is not taken for success. */
function statusOf(exitCode: number): number {
  return exitCode >= 0 && exitCode <= STATUS_MAX ? exitCode : ExitCode.someFailed;
}
