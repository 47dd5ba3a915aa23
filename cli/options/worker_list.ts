/** The workers of a run: a list on the command line, or in a file that may change during the run. */

import { readFile, stat } from "node:fs/promises";
import process from "node:process";
import { parseAddress, PORT_MAX } from "../../link/address.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Address } from "../../runtime/ports.ts";
import type { Log } from "../../system/log.ts";
import { messageOf, reasonOf } from "../../runtime/error_text.ts";
import { UsageError } from "../program/usage_error.ts";
import { checkHome } from "./shell_values.ts";

/** How often the file is checked. Network file systems do not report changes. */
const CHECK_MS = 1_000;

/** What only `--ssh` takes: `ssh://node1`, `me@node1`, `node[1-20]`. */
const SSH_HOSTS = /^(ssh:\/\/|[\w.-]+@|[\w.@-]+\[)/;

/** A worker as somebody has named it. */
interface NamedWorker {
  readonly name: string;
  /** Where it is named, for errors; empty on the command line. */
  readonly place: string;
}

/** Ends each list. The name of a file may have a comma in it. */
const LIST_END = "\n";

/**
 * The value of `--workers`, which may be given several times. Throws for what a variable of the shell becomes that is
 * not set: the run would use this machine alone, without a word.
 */
export function parseWorkers(text: string, before?: string): string {
  if (text.trim() === "" || text.startsWith("-")) {
    throw new UsageError(
      `--workers needs addresses or @FILE, not "${text}"; is a variable not set? ` +
        "Leave --workers out to use this machine",
    );
  }
  return before === undefined ? text : `${before}${LIST_END}${text}`;
}

/** The lists of a run: those of `--workers`, or else that of the environment. Empty if there is none. */
export function workerListsOf({ workers }: { readonly workers?: string }): string {
  return workers ?? process.env.DISTCOMP_WORKERS?.trim() ?? "";
}

/** The workers that a command names, or else the environment. Empty if there are none. */
export async function workersOf(flags: { readonly workers?: string }): Promise<Address[]> {
  const lists = workerListsOf(flags);
  if (lists === "") return [];
  if (flags.workers !== undefined) return await readWorkers(lists);
  checkHome("DISTCOMP_WORKERS", lists);
  return await readWorkers(lists, "DISTCOMP_WORKERS: ");
}

/**
 * Reads lists, each on a line: `HOST:PORT,…`, or `@FILE` with one worker per line. In a file, empty lines and `#`
 * comments are skipped. `place`: where the lists are, for errors.
 */
export async function readWorkers(lists: string, place = ""): Promise<Address[]> {
  const names = await Promise.all(linesOf(lists).map((list) => namesOf(list, place)));
  return names.flat().map(addressOf);
}

function addressOf({ name, place }: NamedWorker): Address {
  if (fileOf(name) !== undefined) {
    throw new UsageError(
      `${place}The list "${name}" cannot be combined with others; repeat --workers`,
    );
  }
  try {
    if (!SSH_HOSTS.test(name)) return withPort(name, parseAddress(name));
  } catch (error) {
    throw new UsageError(place + messageOf(error), { cause: error });
  }
  throw new UsageError(
    `${place}--workers needs addresses of workers that run, HOST or HOST:PORT, not "${name}"; ` +
      "--ssh starts workers on such hosts",
  );
}

/** No worker listens at port 0, which means any free one. */
function withPort(name: string, address: Address): Address {
  if (address.kind !== "tcp" || address.port > 0) return address;
  throw new UsageError(
    `--workers needs the ports of workers, from 1 to ${PORT_MAX}, not "${name}"`,
  );
}

function linesOf(lists: string): string[] {
  const lines = lists.split(LIST_END).filter((line) => line.trim() !== "");
  return lines.length > 0 ? lines : [lists];
}

async function namesOf(list: string, place: string): Promise<NamedWorker[]> {
  const file = fileOf(list);
  const named = file === undefined
    ? list.split(",").map((name) => ({ name, place }))
    : await namesInFile(file);
  const names = named.map(({ name, place }) => ({ name: name.trim(), place }))
    .filter(({ name }) => name !== "");
  if (names.length === 0) {
    const next = file === undefined ? "name workers: HOST:PORT,…" : "write one worker per line";
    throw new UsageError(`${place}The worker list "${file ?? list}" is empty; ${next}`);
  }
  return names;
}

/** Calls `onChange` with the workers in the lists each time an `@FILE` among them changes. */
export function watchWorkers(
  lists: string,
  clock: Clock,
  onChange: (workers: Address[]) => void,
  log: Log,
): Timer {
  const files = linesOf(lists).map(fileOf).filter((file) => file !== undefined);
  if (files.length === 0) return { stop: () => {} };
  let seen = ""; // the file may have changed since the run read it
  let isChecking = false;
  const check = async () => {
    if (isChecking) return;
    isChecking = true;
    const stamp = (await Promise.all(files.map(stampOf))).join();
    if (stamp !== seen) {
      await readWorkers(lists).then(
        onChange,
        (error) => log.warn(`${error.message}; keeping the current workers`),
      );
    }
    seen = stamp;
    isChecking = false;
  };
  void check();
  return clock.every(CHECK_MS, () => void check());
}

function fileOf(list: string): string | undefined {
  return list.startsWith("@") ? list.slice(1) : undefined;
}

async function namesInFile(file: string): Promise<NamedWorker[]> {
  const text = await readFile(file, "utf8").catch((cause) => {
    throw new UsageError(`Cannot read the worker list "${file}": ${reasonOf(cause)}`, { cause });
  });
  return text.split("\n").map((line, index) => ({
    name: line.replace(/#.*/, ""),
    place: `${file}, line ${index + 1}: `,
  }));
}

/** A text that changes whenever the file changes. */
async function stampOf(file: string): Promise<string> {
  const info = await stat(file, { bigint: true }).catch(() => undefined);
  return info ? `${info.ino} ${info.mtimeNs} ${info.size}` : "none";
}
