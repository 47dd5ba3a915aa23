/** What people type, read: numbers, workers, and what is wrong with them. */

import { readFile } from "node:fs/promises";
import { InvalidArgumentError } from "commander";
import type { FailureLimit } from "../controller/failure_limit.ts";
import { parseAddress } from "../link/address.ts";
import type { Address } from "../runtime/ports.ts";
import { messageOf, reasonOf } from "../runtime/error_text.ts";

/** Exit statuses, as README has them. */
export const ExitCode = {
  ok: 0,
  someFailed: 1,
  usage: 2,
  noWorker: 3,
  interrupted: 130,
} as const;

/** More processes than that on one machine are a typing error. */
const SLOTS_MAX = 4096;

/** The command cannot be carried out as it was typed. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Reads `--slots`. */
export function parseSlots(text: string): number {
  const slots = parseCount(text);
  if (slots < 1 || slots > SLOTS_MAX) {
    throw new InvalidArgumentError(`It must be between 1 and ${SLOTS_MAX}.`);
  }
  return slots;
}

/** Reads a whole number, 0 or more. */
export function parseCount(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(number)) throw new InvalidArgumentError("It must be a whole number.");
  return number;
}

/** Reads `--max-failures`: a number of jobs, or a percentage. */
export function parseFailureLimit(text: string): FailureLimit {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  if (percent === undefined) return { unit: "jobs", max: parseCount(text) };
  if (Number(percent) > 100) throw new InvalidArgumentError("It must be at most 100%.");
  return { unit: "percent", max: Number(percent) };
}

/** Reads an address, with commander's words for what is wrong. */
export function parseAddressOption(text: string): Address {
  try {
    return parseAddress(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

/** Reads `HOST:PORT,…` or `@FILE` with a worker a line, empty lines and `#` comments aside. */
export async function readWorkers(list: string): Promise<Address[]> {
  const names = list.startsWith("@") ? await namesIn(list.slice(1)) : namesOf(list.split(","));
  if (names.length === 0) throw new UsageError(`There is no worker in "${list}"`);
  return names.map((name) => parseAddress(name));
}

async function namesIn(file: string): Promise<string[]> {
  const text = await readFile(file, "utf8").catch((cause) => {
    throw new UsageError(`Cannot read the list of workers "${file}": ${reasonOf(cause)}`, {
      cause,
    });
  });
  return namesOf(text.split("\n").map((line) => line.replace(/#.*/, "")));
}

function namesOf(parts: readonly string[]): string[] {
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}
