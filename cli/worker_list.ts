/** The workers of a run: a list on the command line, or in a file that may change during the run. */

import { readFile, stat } from "node:fs/promises";
import { parseAddress } from "../link/address.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { Address } from "../runtime/ports.ts";
import type { Log } from "../system/log.ts";
import { reasonOf } from "../runtime/error_text.ts";
import { UsageError } from "./usage_error.ts";

/** How often the file is checked. Network file systems do not report changes. */
const CHECK_MS = 1_000;

/** Reads `HOST:PORT,…`, or `@FILE` with one worker per line. Empty lines and `#` comments are skipped. */
export async function readWorkers(list: string): Promise<Address[]> {
  const file = fileOf(list);
  const names = file === undefined ? namesIn(list.split(",")) : await namesInFile(file);
  if (names.length === 0) throw new UsageError(`The worker list "${file ?? list}" is empty`);
  return names.map((name) => parseAddress(name));
}

/** Calls `onChange` with the workers in `@FILE` each time the file changes. */
export function watchWorkers(
  list: string,
  clock: Clock,
  onChange: (workers: Address[]) => void,
  log: Log,
): Timer {
  const file = fileOf(list);
  if (file === undefined) return { stop: () => {} };
  let seen = ""; // the file may have changed since the run read it
  let isChecking = false;
  const check = async () => {
    if (isChecking) return;
    isChecking = true;
    const stamp = await stampOf(file);
    if (stamp !== seen) {
      await readWorkers(list).then(
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

async function namesInFile(file: string): Promise<string[]> {
  const text = await readFile(file, "utf8").catch((cause) => {
    throw new UsageError(`Cannot read the worker list "${file}": ${reasonOf(cause)}`, { cause });
  });
  return namesIn(text.split("\n").map((line) => line.replace(/#.*/, "")));
}

function namesIn(parts: readonly string[]): string[] {
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

/** A text that changes whenever the file changes. */
async function stampOf(file: string): Promise<string> {
  const info = await stat(file, { bigint: true }).catch(() => undefined);
  return info ? `${info.ino} ${info.mtimeNs} ${info.size}` : "none";
}
