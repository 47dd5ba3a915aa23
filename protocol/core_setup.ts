/**
 * A core's setup: the core, the files beside it, and the environment variables that its processes are started
 * with. Encodes and decodes the messages of version 2 that choose a setup and send the contents of its files.
 */

import { MalformedPayloadError } from "./errors.ts";
import { encodeFrame, MessageType, ResponseType } from "./frame.ts";
import { PayloadReader, PayloadWriter } from "./payload.ts";
import type { Uint64 } from "./uint64.ts";

/** Bytes of a SHA-256. */
const DIGEST_BYTES = 32;

/** A folder of models or a Python environment has thousands of files. The list of more is slow to send. */
export const SETUP_FILES_MAX = 10_000;

/** The longest path in a setup, in bytes. With the worker's folder it must not exceed the system's 4096. */
const SETUP_PATH_BYTES_MAX = 1024;

/** Nobody types more variables. */
export const SETUP_VARIABLES_MAX = 1_000;

/** Linux starts no program with a longer variable: name, `=`, value and the zero byte behind it. */
export const VARIABLE_BYTES_MAX = 128 * 1024;

/** All variables of a setup together. Linux allows 2 MiB for arguments and variables. */
const VARIABLES_BYTES_MAX = 1024 * 1024;

/** A file beside a core. */
export interface SetupFile {
  /** Where it is, relative to the folder of the setup, with `/` between folders. */
  readonly path: string;
  /** The SHA-256 of its content, hexadecimal. */
  readonly digest: string;
  readonly bytes: number;
}

/** An environment variable: its name and value. */
export type Variable = readonly [name: string, value: string];

/** What a worker loads. */
export interface CoreSetup {
  /** The SHA-256 of the core, hexadecimal. */
  readonly core: string;
  /** Where the core is in the folder of the setup. If there are no files it may be empty: the worker decides. */
  readonly path: string;
  readonly files: readonly SetupFile[];
  readonly variables: readonly Variable[];
}

/** Whether a setup is no more than a core. */
export function isBare({ files, variables }: CoreSetup): boolean {
  return files.length === 0 && variables.length === 0;
}

/** Identifies a setup, hexadecimal: the SHA-256 of its core if there is nothing else, or else one of all its parts. */
export function setupKey(setup: CoreSetup, sha256: (bytes: Uint8Array) => string): string {
  if (isBare(setup)) return setup.core;
  return sha256(writeSetup(new PayloadWriter().hex(setup.core), setup).bytes());
}

/**
 * Encodes a "choose setup" as a whole frame. `name`: for people. `initMs`: how long `worker_init` may take; 0: as
 * long as the worker allows.
 */
export function encodeSetup(
  id: Uint64,
  setup: CoreSetup,
  name: string,
  initMs: number,
): Uint8Array<ArrayBuffer> {
  const writer = new PayloadWriter().hex(setup.core).string(name);
  const payload = writeSetup(writer, setup).uint64(initMs).bytes();
  return encodeFrame({ type: MessageType.setup, id, payload });
}

function writeSetup(writer: PayloadWriter, { path, files, variables }: CoreSetup): PayloadWriter {
  writer.string(path).uint32(files.length);
  for (const file of files) writer.string(file.path).hex(file.digest).uint64(file.bytes);
  writer.uint32(variables.length);
  for (const [name, value] of variables) writer.string(name).string(value);
  return writer;
}

/** Decodes the payload of a "choose setup". Throws a `MalformedPayloadError`. */
export function decodeSetup(
  payload: Uint8Array<ArrayBuffer>,
): { readonly setup: CoreSetup; readonly name: string; readonly initMs: number } {
  const reader = new PayloadReader(payload, "The choice of a setup");
  const core = reader.hex(DIGEST_BYTES);
  const name = reader.string();
  const path = reader.string();
  const files = reader.list(SETUP_FILES_MAX, 8 + DIGEST_BYTES + 8, () => ({
    path: reader.string(),
    digest: reader.hex(DIGEST_BYTES),
    bytes: Number(reader.uint64()),
  }));
  const variables = reader.list(
    SETUP_VARIABLES_MAX,
    8 + 8,
    () => [reader.string(), reader.string()] as const,
  );
  const initMs = Number(reader.uint64());
  reader.end();
  const setup = { core, path, files, variables };
  const problem = problemOf(setup);
  if (problem !== undefined) throw new MalformedPayloadError(problem);
  return { setup, name, initMs };
}

/** Why no worker can use a setup; `undefined` if it can. */
export function problemOf({ path, files, variables }: CoreSetup): string | undefined {
  return pathsProblem(path, files) ?? variablesProblem(variables);
}

function pathsProblem(core: string, files: readonly SetupFile[]): string | undefined {
  if (files.length > SETUP_FILES_MAX) {
    return `There are ${files.length} files beside the core; at most ${SETUP_FILES_MAX} are supported`;
  }
  if (files.length === 0 && core === "") return undefined;
  const paths = new Set<string>();
  for (const path of [core, ...files.map((file) => file.path)]) {
    const problem = pathProblem(path);
    if (problem !== undefined) return `"${path}" ${problem}`;
    if (paths.has(path)) return `Two files would be "${path}" beside the core`;
    paths.add(path);
  }
  // Sorted in this way, what is below a path follows it. Looking for each folder of each path would take minutes.
  const sorted = [...paths].map((path) => path.replaceAll("/", "\0")).sort();
  const folder = sorted.find((path, index) => sorted[index + 1]?.startsWith(`${path}\0`));
  if (folder === undefined) return undefined;
  const name = folder.replaceAll("\0", "/");
  return `"${name}" would be a file and a folder beside the core`;
}

function pathProblem(path: string): string | undefined {
  if (new TextEncoder().encode(path).byteLength > SETUP_PATH_BYTES_MAX) {
    return `is longer than ${SETUP_PATH_BYTES_MAX} bytes`;
  }
  if (path.includes("\0") || path.includes("\\")) return "is not a valid path of a file";
  const parts = path.split("/");
  const isInside = parts.every((part) => part !== "" && part !== "." && part !== "..");
  return isInside ? undefined : "is not a path inside the folder of the core";
}

/** Variables that distcomp sets for its processes, and those that decide how their runtimes run. */
const RESERVED =
  /^(DISTCOMP_(SPAWNED_AS|SLOT|SLOTS|SLOT_PROCESS|CORE_DIR)|DENO_.*|BUN_.*|NODE_OPTIONS)$/;

/** Why no core can get these variables; `undefined` if one can. */
export function variablesProblem(variables: readonly Variable[]): string | undefined {
  if (variables.length > SETUP_VARIABLES_MAX) {
    return `There are ${variables.length} variables; at most ${SETUP_VARIABLES_MAX} are supported`;
  }
  const names = new Set<string>();
  let bytes = 0;
  for (const [name, value] of variables) {
    const problem = variableProblem(name, value);
    if (problem !== undefined) return problem;
    if (names.has(name)) return `The variable ${name} is given twice`;
    names.add(name);
    bytes += bytesOf(name, value);
  }
  return bytes <= VARIABLES_BYTES_MAX
    ? undefined
    : `The variables have ${bytes} bytes; at most ${VARIABLES_BYTES_MAX} are supported`;
}

/** Why a core cannot get a variable; `undefined` if it can. */
export function variableProblem(name: string, value: string): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return `"${name}" is not the name of a variable: letters, digits and _ are, without a digit in front`;
  }
  if (RESERVED.test(name)) {
    return `The variable ${name} cannot be set: distcomp and its runtime use it themselves`;
  }
  if (value.includes("\0")) return `The value of the variable ${name} contains a zero byte`;
  return bytesOf(name, value) <= VARIABLE_BYTES_MAX
    ? undefined
    : `The variable ${name} is longer than ${VARIABLE_BYTES_MAX} bytes`;
}

function bytesOf(name: string, value: string): number {
  return new TextEncoder().encode(`${name}=${value}\0`).byteLength;
}

/**
 * Encodes the response to a "choose setup" as a whole frame: the SHA-256 of contents that the worker lacks. If there
 * are none, the core is loaded.
 */
export function encodeSetupResponse(
  id: Uint64,
  missing: readonly string[],
): Uint8Array<ArrayBuffer> {
  const payload = new PayloadWriter().uint32(missing.length).hex(missing.join("")).bytes();
  return encodeFrame({ type: ResponseType.ok, id, payload });
}

/** Decodes the response to a "choose setup": the contents that are missing. */
export function decodeSetupResponse(payload: Uint8Array<ArrayBuffer>): readonly string[] {
  const reader = new PayloadReader(payload, "The response to the choice of a setup");
  const missing = reader.list(SETUP_FILES_MAX + 1, DIGEST_BYTES, () => reader.hex(DIGEST_BYTES));
  reader.end();
  return missing;
}

/** A part of a file's content. Parts come in order. */
export interface ContentPart {
  /** The SHA-256 of the whole content, hexadecimal. */
  readonly digest: string;
  /** Bytes of the whole content. */
  readonly bytes: number;
  /** Where this part begins. */
  readonly offset: number;
  readonly part: Uint8Array<ArrayBuffer>;
}

/** Encodes a part of a content as a whole frame. */
export function encodeContent(id: Uint64, content: ContentPart): Uint8Array<ArrayBuffer> {
  const { digest, bytes, offset, part } = content;
  const payload = new PayloadWriter().hex(digest).uint64(bytes).uint64(offset).blob(part).bytes();
  return encodeFrame({ type: MessageType.content, id, payload });
}

/** Decodes a part of a content, without a copy. Throws a `MalformedPayloadError`. */
export function decodeContent(payload: Uint8Array<ArrayBuffer>): ContentPart {
  const reader = new PayloadReader(payload, "A part of a content");
  const digest = reader.hex(DIGEST_BYTES);
  const bytes = Number(reader.uint64());
  const offset = Number(reader.uint64());
  const part = reader.blob();
  reader.end();
  if (!Number.isSafeInteger(bytes) || offset + part.byteLength > bytes) {
    throw new MalformedPayloadError(
      `A part of ${part.byteLength} bytes from ${offset} on is not inside a content of ${bytes} bytes`,
    );
  }
  return { digest, bytes, offset, part };
}
