/** Parses the values of options. Each function throws a `UsageError` that names the option and the value. */

import { parse as parseMs } from "@lukeed/ms";
import type { FailureLimit } from "../../controller/failure_limit.ts";
import type { Sweep } from "../../controller/inputs/product.ts";
import { SLOT_BYTES } from "../../system/option_checks.ts";
import { UsageError } from "../program/usage_error.ts";

/** A larger number of slots on one machine is a typing error. */
const SLOTS_MAX = 4096;

/** The whole days and tebibytes whose milliseconds and bytes are exact as numbers. */
export const DAYS_MAX = Math.floor(Number.MAX_SAFE_INTEGER / 86_400_000);
const TIB_MAX = Math.floor(Number.MAX_SAFE_INTEGER / 1024 ** 4);

const NUMBER = /^\d+(?:\.\d+)?$/;

/** Takes the value of an option that names inputs. Of two, the first would be left out without a word. */
export function once(option: string): (text: string, before?: string) => string {
  return (text, before) => {
    if (before === undefined) return text;
    throw new UsageError(
      `${option} is given twice; a run reads one file: "${before}" or "${text}"`,
    );
  };
}

/** Parses `--slots`. */
export function parseSlots(text: string): number {
  const slots = wholeNumberIn(text);
  if (slots >= 1 && slots <= SLOTS_MAX) return slots;
  throw new UsageError(`--slots must be a whole number from 1 to ${SLOTS_MAX}, not "${text}"`);
}

/** Parses the value of `option`, a whole number of at least `min`. */
export function parseCount(option: string, min: number, text: string): number {
  const count = wholeNumberIn(text);
  if (count >= min) return count;
  checkNotTooLarge(option, text);
  throw new UsageError(`${option} must be a whole number of at least ${min}, not "${text}"`);
}

/** Parses `--param`, which may be given several times, and adds it to the others. */
export function parseParam(text: string, others: readonly Sweep[] = []): Sweep[] {
  const [, name = "", list = ""] = /^([^=]+)=([^]+)$/.exec(text) ?? [];
  const values = list.split(",");
  if (name !== "" && values.length > 1 && values.includes("")) {
    throw new UsageError(`--param ${name} has an empty value in "${list}"; leave it out`);
  }
  if (name === "" || values.includes("")) {
    throw new UsageError(`--param must be a name and values, such as a=1,2,3, not "${text}"`);
  }
  if (others.some((other) => other.name === name)) {
    throw new UsageError(`--param ${name} is given twice; put all its values into one`);
  }
  const sweeps = [...others, { name, values }];
  const jobs = sweeps.reduce((product, sweep) => product * sweep.values.length, 1);
  if (Number.isSafeInteger(jobs)) return sweeps;
  throw new UsageError("--param gives more combinations than a run can count; use fewer values");
}

/** Parses `--max-failures`: a number of jobs, or a percentage. */
export function parseFailureLimit(text: string): FailureLimit {
  const jobs = wholeNumberIn(text);
  if (jobs >= 0) return { unit: "jobs", max: jobs };
  const percent = percentIn(text);
  if (percent <= 100) return { unit: "percent", max: percent };
  checkNotTooLarge("--max-failures", text);
  throw new UsageError(
    `--max-failures must be a whole number or a percentage up to 100%, not "${text}"`,
  );
}

/** Parses `--timeout`. Returns milliseconds. */
export function parseTimeout(text: string): number {
  return timeIn("--timeout", text);
}

/** Parses `--init-timeout`. Returns milliseconds. */
export function parseInitTimeout(text: string): number {
  return timeIn("--init-timeout", text);
}

/** Parses `--time`. Returns milliseconds. */
export function parseTime(text: string): number {
  return timeIn("--time", text);
}

/** Parses the value of `option`, a time that may have several units: `3h55m`, `1d12h`. Returns milliseconds. */
export function parseTimeSpan(option: string, text: string): number {
  const parts = text.trim().match(/\d+(?:\.\d+)?(?:ms|[smhd])/g) ?? [];
  if (parts.length < 2 || parts.join("") !== text.trim()) return timeIn(option, text);
  return parts.reduce((sum, part) => sum + timeIn(option, part), 0);
}

/** The value of `option`: `30s`, `1.5h`; a number without a unit is in seconds. */
function timeIn(option: string, text: string): number {
  const time = text.trim();
  const ms = Math.round(parseMs(NUMBER.test(time) ? `${time}s` : time) ?? NaN);
  if (ms > 0 && Number.isSafeInteger(ms)) return ms; // a larger one does not fit into a message
  if (ms > 0) throw new UsageError(`${option} must be at most ${DAYS_MAX}d, not "${text}"`);
  throw new UsageError(
    `${option} must be a time over 0, such as 500ms, 30s, 5m, 2h or 1d, not "${text}"`,
  );
}

/**
 * Parses `--memory`: `500M`, `2G`, `1.5GiB`; powers of 1024, as systems count memory. Returns bytes.
 *
 * The packages that parse sizes are wrong here: `bytes` reads `500M` as 500 bytes, `filesize-parser` reads `2Gb`
 * as about 2 gigabits.
 */
export function parseMemory(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(number) * 1024 ** " kmgt".indexOf(unit.toLowerCase() || " "));
  if (bytes >= SLOT_BYTES && Number.isSafeInteger(bytes)) return bytes;
  if (bytes >= SLOT_BYTES) {
    throw new UsageError(`--memory must be at most ${TIB_MAX}T, not "${text}"`);
  }
  throw new UsageError(
    `--memory must be a size such as 500M or 2G, not "${text}"; a slot alone needs 64M`,
  );
}

/** Parses `--verify`: `2` (every job, on two workers) or `5%`. Returns the fraction of the jobs, 0 to 1. */
export function parseVerify(text: string): number {
  if (text === "2") return 1;
  const percent = percentIn(text.replace(/\s+%$/, "%"));
  if (percent > 0 && percent <= 100) return percent / 100;
  throw new UsageError(
    `--verify must be 2, for every job, or a percentage such as 5%, not "${text}"`,
  );
}

/** The whole number in a text; `NaN` if there is none, or if it is too large to be exact. */
function wholeNumberIn(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(number) ? number : NaN;
}

/** Throws if the text is a whole number that is too large to be exact. */
function checkNotTooLarge(option: string, text: string): void {
  if (!/^\d+$/.test(text) || Number(text) <= Number.MAX_SAFE_INTEGER) return;
  throw new UsageError(`${option} must be at most ${Number.MAX_SAFE_INTEGER}, not "${text}"`);
}

/** The 5 of `5%`, or `NaN`. */
function percentIn(text: string): number {
  return text.endsWith("%") && NUMBER.test(text.slice(0, -1)) ? Number(text.slice(0, -1)) : NaN;
}
