/** `distcomp exec`: runs one job in this process, so that a debugger or a sanitizer sees the core at work. */

import { Buffer } from "node:buffer";
import { realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { HUGE_BLOB_BYTES_MAX } from "../../protocol/mod.ts";
import { CoreFileError, readCoreFile } from "../../system/core_file.ts";
import { replaceFile } from "../../system/replaced_file.ts";
import { openStdin } from "../../system/stdin.ts";
import { messageOf, reasonOf } from "../../runtime/error_text.ts";
import type { CoreProcess, NativeCore, Runtime } from "../../runtime/ports.ts";
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

/** How the core has ended its job, or why there was none. */
interface Outcome {
  /** The status of this process. */
  readonly status: number;
  readonly output?: Uint8Array<ArrayBuffer>;
  /** What stderr says. */
  readonly problem?: string;
}

/** Runs the job and ends this process as the core did. Rejects if there is no job to run. */
export async function execCommand(runtime: Runtime, request: ExecRequest): Promise<never> {
  await readCoreFile(request.core, true); // for its errors, which are clearer than the loader's
  const input = await readInput(request.input);
  const path = realpathSync(request.core);
  const own = runtime.openCoreProcess(environmentOf(path));
  // What the core has printed comes before its output, or before an error.
  const { status, output, problem } = own.call(() => {
    const core = openCore(runtime, request.core, path);
    const result = core.init(CORE_API_VERSION);
    return result === 0 ? runJob(own, core, input) : refusal(request.core, result);
  });
  if (output !== undefined) await writeOutput(output, request.output);
  if (problem !== undefined) printError(problem);
  await stderr.flush();
  return own.exit(status); // what the core does at its end comes last, and may not return
}

/** What a slot tells its core, for a process that is the only slot. */
function environmentOf(path: string): Record<string, string> {
  return { DISTCOMP_SLOT: "0", DISTCOMP_SLOTS: "1", DISTCOMP_CORE_DIR: dirname(path) };
}

function openCore(runtime: Runtime, name: string, path: string): NativeCore {
  try {
    return runtime.openCore(path, true);
  } catch (cause) {
    throw new CoreFileError(name, messageOf(cause), { cause });
  }
}

function refusal(name: string, result: number): Outcome {
  const { message } = new CoreFileError(name, `worker_init returned ${result}`);
  return { status: ExitCode.usage, problem: message };
}

/** Runs one job in the same way as a slot does. */
function runJob(own: CoreProcess, core: NativeCore, input: Uint8Array): Outcome {
  core.input(input.byteLength).set(input);
  const exitCode = core.run(input.byteLength);
  const { outputBytes, outputSize } = core;
  const reason = reasonNotToRead(own, core);
  if (reason !== undefined) {
    const reported = `${outputSize} bytes of output${reason}`;
    if (exitCode === 0) {
      return { status: ExitCode.someFailed, problem: `The core reports ${reported}` };
    }
    const problem = `The core returned exit code ${exitCode}, and reports ${reported}`;
    return { status: statusOf(exitCode), problem };
  }
  const output = new Uint8Array(outputBytes);
  core.copyOutput(output);
  core.free();
  if (exitCode === 0) return { status: ExitCode.ok, output };
  const problem = `The core returned exit code ${exitCode}, with ${outputBytes} bytes of output`;
  return { status: statusOf(exitCode), output, problem };
}

/** Why the output cannot be read, as a slot says it. */
function reasonNotToRead(own: CoreProcess, core: NativeCore): string | undefined {
  const { outputBytes, outputPointer } = core;
  if (outputBytes === 0) return undefined;
  if (!outputPointer) return " at a null pointer";
  if (outputBytes > HUGE_BLOB_BYTES_MAX) return `, but the limit is ${HUGE_BLOB_BYTES_MAX}`;
  return own.isOutputThere(core) ? undefined : " that cannot be read";
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
