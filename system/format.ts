/** Formats numbers and text for messages and pages. */

import prettyBytes from "pretty-bytes";
import prettyMs from "pretty-ms";
import { shownName } from "../runtime/files/file_name.ts";
import { oneLine } from "./printable.ts";

/** In a millisecond. */
const MICROSECONDS = 1e3;
const NANOSECONDS = 1e6;

/** Longer times are cut to their two largest units anyway. */
const MEASURED_MS_MAX = 1_000;

/** Made when it is needed: that takes 15 ms, a tenth of what `distcomp --version` takes. */
let grouping: Intl.NumberFormat | undefined;

/** `1,234,567` */
export function formatCount(count: number): string {
  if (Number.isInteger(count) && Math.abs(count) < 1000) return String(count);
  grouping ??= new Intl.NumberFormat("en-US");
  return grouping.format(count);
}

/** `1 job`, `2 jobs`, `1,000 jobs`. */
export function formatNoun(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** `1,230` or `0.52`. A rate is not more exact than three digits. */
export function formatRate(perSecond: number): string {
  const rate = Number(perSecond.toPrecision(3));
  // Below a millionth, JavaScript's own text has an exponent.
  return rate >= 1e-6 && rate < 1000 ? String(rate) : formatCount(rate);
}

/** `3.4 MB`, in powers of 1000. */
export function formatBytes(bytes: number): string {
  return prettyBytes(bytes);
}

/** `400ns`, `40µs`, `1.3ms`, `420ms`, `12.3s`, `4m 5s`, `3d 4h`: how long something took. */
export function formatDuration(ms: number): string {
  if (ms > 0 && ms < 1) {
    // The package has no parts of these units, and cuts them off.
    const perMs = ms < 0.001 ? NANOSECONDS : MICROSECONDS;
    const rounded = Math.round(perMs * ms) / perMs;
    return prettyMs(rounded, { formatSubMilliseconds: true, unitCount: 1 });
  }
  const isWhole = ms >= 10 || Math.round(10 * ms) % 10 === 0;
  return prettyMs(ms, { unitCount: 2, millisecondsDecimalDigits: isWhole ? 0 : 1 });
}

/** The same with two digits: a time that was measured is no more exact. */
export function formatMeasured(ms: number): string {
  return formatDuration(ms < MEASURED_MS_MAX ? Number(ms.toPrecision(2)) : ms);
}

/** `7s`, `4m 5s`, `3d 4h`: how long something will take, in whole seconds, at least 1. */
export function formatTimeLeft(ms: number): string {
  return prettyMs(1000 * Math.max(1, Math.round(ms / 1000)), { unitCount: 2 });
}

/**
 * Untrusted text (file names, messages of workers) as one line without control characters, also without those that
 * change the order of others. Bytes of a name that are not UTF-8 are written `\\xe9`.
 */
export function printable(text: string): string {
  return oneLine(shownName(text));
}
