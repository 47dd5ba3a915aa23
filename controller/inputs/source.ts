/** Where a run's inputs come from. All are lazy: what is listed or read is what is about to be sent. */

import type { Dirent } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import process from "node:process";
import { JOB_PREFIX_BYTES, PAYLOAD_BYTES_MAX_DEFAULT } from "../../protocol/mod.ts";
import type { Task } from "../cluster/task.ts";
import { STATE_FOLDER } from "../output/directory_sink.ts";
import { countLines, readLines } from "./file_lines.ts";
import { contentIdentity, fileIdentity, NUMBER_IDENTITY } from "./identity.ts";
import { NameSet } from "./name_set.ts";
import type { EarlierOutcome, EarlierRuns, IdentifiedInput } from "../output/resume.ts";
import { reasonOf } from "../../runtime/error_text.ts";

/** Files read at once: enough to hide a file server's answer times. */
const READS_AT_ONCE = 16;

/** Bytes read at once, unless a single file has more. */
const READ_BYTES_MAX = 32 * 1024 * 1024;

/** What one job's message can carry. */
const INPUT_BYTES_MAX = PAYLOAD_BYTES_MAX_DEFAULT - JOB_PREFIX_BYTES;

/** Inputs that cost nothing to make are made in batches of this many. */
const BATCH_TASKS = 256;

/** A task with a name: its output's path under the output folder. */
export interface NamedTask extends Task {
  readonly name: string;
  /** Changes with the input: what has it twice need not run twice. */
  readonly identity: string;
}

/** An input whose job has ended in an earlier run. It is not read. */
export interface EarlierTask {
  readonly index: number;
  readonly name: string;
  readonly earlier: EarlierOutcome;
}

/** An input that could not be read: a job that has failed before it began. */
export interface UnreadableTask {
  readonly index: number;
  readonly name: string;
  readonly failure: string;
}

/** Inputs in order, in batches, each made or read when it is asked for. */
export interface Source {
  readonly batches: AsyncIterable<readonly (NamedTask | UnreadableTask | EarlierTask)[]>;
  /** How many inputs there will be, where that can be found out without reading them. */
  count(): Promise<number | undefined>;
}

/** A file to read, and the name that its job gets. */
interface Listed {
  readonly path: string;
  readonly name: string;
  /** Why it is not to be read, if that is known already. */
  readonly failure?: string;
}

interface IndexedFile extends Listed {
  readonly index: number;
}

/** A file that can be read. */
interface FoundInput extends IdentifiedInput {
  readonly index: number;
  readonly path: string;
  readonly bytes: number;
}

/** What cannot be a source. */
export class SourceError extends Error {
  override name = "SourceError";
}

/** What a walk leaves out on purpose, it says through this. */
export type Warn = (text: string) => void;

/** N jobs whose inputs are the decimal numbers from 0 to N − 1. */
export function repeated(count: number, earlier?: EarlierRuns): Source {
  return {
    batches: withoutEarlier(decimals(count), earlier),
    count: () => Promise.resolve(count),
  };
}

async function* decimals(count: number): AsyncIterable<NamedTask[]> {
  const utf8 = new TextEncoder();
  for (let first = 0; first < count; first += BATCH_TASKS) {
    const length = Math.min(BATCH_TASKS, count - first);
    yield Array.from({ length }, (_, offset) => {
      const name = String(first + offset);
      return { index: first + offset, name, input: utf8.encode(name), identity: NUMBER_IDENTITY };
    });
  }
}

/** Each line of a file, or of stdin for `-`, is an input, without its line ending. */
export function linesOf(file: string, earlier?: EarlierRuns): Source {
  return {
    batches: withoutEarlier(lineBatches(file), earlier),
    count: () => countLines(file),
  };
}

async function* lineBatches(file: string): AsyncIterable<NamedTask[]> {
  let index = 0;
  for await (const lines of readLines(file)) {
    for (let first = 0; first < lines.length; first += BATCH_TASKS) {
      yield lines.slice(first, first + BATCH_TASKS).map((input) => {
        return { index, name: String(index++), input, identity: contentIdentity(input) };
      });
    }
  }
}

async function* withoutEarlier(
  batches: AsyncIterable<readonly NamedTask[]>,
  earlier: EarlierRuns | undefined,
): Source["batches"] {
  for await (const batch of batches) yield earlier ? await markEarlier(batch, earlier) : batch;
}

/** Puts what is known of a job in the place of one that need not run. */
async function markEarlier<T extends IdentifiedInput & { readonly index: number }>(
  inputs: readonly T[],
  earlier: EarlierRuns,
): Promise<(T | EarlierTask)[]> {
  const outcomes = await earlier.outcomesOf(inputs);
  return inputs.map((input, at) => {
    const outcome = outcomes[at];
    return outcome ? { index: input.index, name: input.name, earlier: outcome } : input;
  });
}

/** Files, folders and `-` for a list of files on stdin. `outputs` is left out where a walk meets it. */
export function filesOf(
  paths: readonly string[],
  outputs: string,
  warn: Warn,
  earlier?: EarlierRuns,
): Source {
  return {
    batches: fileBatches(paths, outputs, warn, earlier),
    count: () => paths.includes("-") ? Promise.resolve(undefined) : countFiles(paths, outputs),
  };
}

async function countFiles(paths: readonly string[], outputs: string): Promise<number> {
  let count = 0;
  for await (const listed of listAll(paths, outputs, () => {})) if (listed) count += 1;
  return count;
}

async function* fileBatches(
  paths: readonly string[],
  outputs: string,
  warn: Warn,
  earlier: EarlierRuns | undefined,
): Source["batches"] {
  const seen = paths.length === 1 && paths[0] !== "-" ? undefined : new NameSet();
  let index = 0;
  let group: IndexedFile[] = [];
  for await (const listed of listAll(paths, outputs, warn)) {
    if (listed) {
      const isTaken = seen && !seen.add(listed.name);
      group.push({ ...listed, index: index++, ...(isTaken ? { failure: SAME_OUTPUT } : {}) });
      if (group.length < READS_AT_ONCE) continue;
    }
    yield* readGroup(group, earlier);
    group = [];
  }
  yield* readGroup(group, earlier);
}

/** Reads those of a few files whose jobs have to run, with a bound on the bytes at once. */
async function* readGroup(
  group: readonly IndexedFile[],
  earlier: EarlierRuns | undefined,
): Source["batches"] {
  const found = await Promise.all(group.map(findInput));
  const readable = found.filter((input) => "identity" in input);
  const marked = earlier ? await markEarlier(readable, earlier) : readable;
  const byIndex = new Map(marked.map((input) => [input.index, input]));
  let batch: (FoundInput | UnreadableTask | EarlierTask)[] = [];
  let batchBytes = 0;
  for (const input of found) {
    const next = byIndex.get(input.index) ?? input;
    batch.push(next);
    if ("bytes" in next) batchBytes += next.bytes;
    if (batchBytes < READ_BYTES_MAX) continue;
    yield await readAll(batch);
    batch = [];
    batchBytes = 0;
  }
  if (batch.length > 0) yield await readAll(batch);
}

const SAME_OUTPUT = "another input before it writes the same output";
const OWN_OUTPUT = "its output would replace it; choose another folder with -o";
const OTHER_OUTPUT = "its output would replace another input; choose another folder with -o";

/**
 * Checks what can be known before anything runs: that the inputs exist, that no output replaces one, and
 * that the files named one by one have outputs of their own.
 */
export async function checkPaths(paths: readonly string[], outputs: string): Promise<void> {
  const names = new Map<string, string>();
  for (const path of paths) {
    if (path === "-") continue;
    const info = await stat(path).catch((cause) => {
      throw new SourceError(`Cannot read input "${path}": ${reasonOf(cause)}`, { cause });
    });
    if (info.isDirectory() && await real(path) === await real(outputs)) {
      throw new SourceError(
        `The outputs would replace the inputs in "${path}"; choose another folder with -o`,
      );
    }
    if (!info.isDirectory() && await isOwnOutput(path, basename(path), await real(outputs))) {
      throw new SourceError(`Cannot use input "${path}": ${OWN_OUTPUT}`);
    }
    const name = info.isDirectory() ? `${resolve(path)}${sep}` : basename(path);
    const other = names.get(name);
    if (other !== undefined) {
      const what = info.isDirectory()
        ? `"${path}" is named twice`
        : `"${other}" and "${path}" write the same output, "${name}"`;
      throw new SourceError(
        `${what}; name a folder that holds both, or run them one after the other`,
      );
    }
    names.set(name, path);
  }
}

/** Checks that there is a file of lines, and that no output, which is named by a number, replaces it. */
export async function checkLines(path: string, outputs: string): Promise<void> {
  if (path === "-") return;
  const info = await stat(path).catch((cause) => {
    throw new SourceError(`Cannot read lines from "${path}": ${reasonOf(cause)}`, { cause });
  });
  if (info.isDirectory()) throw new SourceError(`Cannot read lines from "${path}": it is a folder`);
  const name = basename(path);
  if (/^\d+$/.test(name) && await isOwnOutput(path, name, await real(outputs))) {
    throw new SourceError(
      `Cannot use "${path}": an output would replace it; choose another folder with -o`,
    );
  }
}

/** All files in order; `undefined` where the next one may be long in coming. */
async function* listAll(
  paths: readonly string[],
  outputs: string,
  warn: Warn,
): AsyncIterable<Listed | undefined> {
  const realOutputs = await real(outputs);
  // A folder of inputs among the outputs is rare: others pay nothing for it.
  const endangered = (await Promise.all(paths.filter((path) => path !== "-").map(real)))
    .filter((path) => isBelow(path, realOutputs));
  if (endangered.length === 0) return yield* listAnyhow(paths, realOutputs, warn);
  for await (const file of listAnyhow(paths, realOutputs, warn)) {
    const output = join(realOutputs, file?.name ?? "");
    const isInWay = endangered.some((path) => path === output || isBelow(output, path));
    yield file && isInWay ? { ...file, failure: OTHER_OUTPUT } : file;
  }
}

async function* listAnyhow(
  paths: readonly string[],
  realOutputs: string,
  warn: Warn,
): AsyncIterable<Listed | undefined> {
  for (const path of paths) {
    if (path === "-") yield* listed(realOutputs, warn);
    else if ((await stat(path)).isDirectory()) {
      const leftOut = join(path, relative(await real(path), realOutputs));
      yield* walk(path, path, leftOut, warn);
    } else yield { path, name: basename(path) };
  }
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

/**
 * The files named on stdin. They keep their folders, as far as those lead down from here. What `find` has found
 * among the outputs of an earlier run is no input.
 */
async function* listed(realOutputs: string, warn: Warn): AsyncIterable<Listed | undefined> {
  const utf8 = new TextDecoder();
  let isWarned = false;
  for await (const lines of readLines("-")) {
    for (const line of lines) {
      const path = utf8.decode(line);
      if (path === "") continue;
      const file = await listedFile(path, realOutputs);
      if (file) yield file;
      else if (!isWarned) {
        warn(`"${path}" is in the output folder; what is listed there is left out`);
      }
      isWarned ||= !file;
    }
    yield undefined;
  }
}

async function listedFile(path: string, realOutputs: string): Promise<Listed | undefined> {
  const name = nameInside(path);
  if (await isOwnOutput(path, name, realOutputs)) return { path, name, failure: OWN_OUTPUT };
  const isOutput = isBelow(join(await real(dirname(path)), basename(path)), realOutputs);
  return isOutput ? undefined : { path, name };
}

/** Whether a file's output would take the file's own place. */
async function isOwnOutput(path: string, name: string, realOutputs: string): Promise<boolean> {
  return join(realOutputs, name) === join(await real(dirname(path)), basename(path));
}

/** The path with all links followed, or at least an absolute one. */
function real(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}

/** `a/./b` → `a/b`; what stands before and in a leading `/` or `../` is left away, as `tar` does. */
function nameInside(path: string): string {
  const name = relative("/", resolve("/", path));
  const fromHere = relative(process.cwd(), resolve(path));
  return fromHere === ".." || fromHere.startsWith(`..${sep}`) ? name : fromHere;
}

/** The files below `folder`, in the order of their names, without those below `leftOut`. */
async function* walk(
  root: string,
  folder: string,
  leftOut: string,
  warn: Warn,
): AsyncIterable<Listed> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    // A job that fails, not a warning: what is in there was asked for, and would be missed.
    const failure = `cannot list the folder "${folder}": ${reasonOf(error)}`;
    return yield { path: folder, name: `${relative(root, folder)}/`, failure };
  }
  entries.sort((one, other) => one.name < other.name ? -1 : 1);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      // Of other output folders, which may be inputs, our own files are none.
      const isLeftOut = path === leftOut || entry.name === STATE_FOLDER;
      if (!isLeftOut) yield* walk(root, path, leftOut, warn);
    } else if (entry.isFile() || (entry.isSymbolicLink() && await leadsToFile(path, warn))) {
      yield { path, name: relative(root, path) };
    } else if (!entry.isSymbolicLink()) {
      warn(`"${path}" is no file and no folder, it is left out`);
    }
  }
}

/** A link to a folder could lead in a circle; one to nowhere is a job that fails, and says so. */
async function leadsToFile(path: string, warn: Warn): Promise<boolean> {
  const target = await stat(path).catch(() => undefined);
  if (target && !target.isFile()) warn(`"${path}" is a link to a folder, it is left out`);
  return !target || target.isFile();
}

/** Looks at a file, so that what is known of this state of it need not be read. */
async function findInput(file: IndexedFile): Promise<FoundInput | UnreadableTask> {
  const { index, name, path, failure } = file;
  if (failure !== undefined) return { index, name, failure };
  try {
    const info = await stat(path);
    // Seen before it is opened: opening a pipe that nobody writes to would wait for ever.
    if (!info.isFile()) throw new SourceError("it is not a file");
    if (info.size > INPUT_BYTES_MAX) {
      throw new SourceError(`it has ${info.size} bytes, an input can have ${INPUT_BYTES_MAX}`);
    }
    return { index, name, path, bytes: info.size, identity: fileIdentity(path, info) };
  } catch (error) {
    return unreadable(file, error);
  }
}

function readAll(
  batch: readonly (FoundInput | UnreadableTask | EarlierTask)[],
): Promise<(NamedTask | UnreadableTask | EarlierTask)[]> {
  return Promise.all(batch.map(async (found) => {
    if (!("bytes" in found)) return found;
    const { index, name, path, identity } = found;
    try {
      return { index, name, identity, input: await readInput(path) };
    } catch (error) {
      return unreadable(found, error);
    }
  }));
}

function unreadable(
  { index, name, path }: { index: number; name: string; path: string },
  error: unknown,
): UnreadableTask {
  return { index, name, failure: `cannot read "${path}": ${reasonOf(error)}` };
}

async function readInput(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const content = await readFile(path);
  return new Uint8Array(content.buffer as ArrayBuffer, content.byteOffset, content.byteLength);
}
