/** Numbers, times and foreign texts, as the page shows them. */

const WHOLE = new Intl.NumberFormat("en-US");
const SHORT = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
const BYTES = ["B", "kB", "MB", "GB", "TB", "PB"];

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Characters that are not seen or change the order of others: a name could pretend to be another one. */
// deno-lint-ignore no-control-regex -- control characters are what this finds
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]+/g;

/** Bytes of a name that are not UTF-8. */
const BYTES_ALONE = /[\udc80-\udcff]/gu;

/**
 * `12,345`
 * @param {number} count
 */
export function formatCount(count) {
  return WHOLE.format(count);
}

/**
 * `1 job`, `2 jobs`
 * @param {number} count
 * @param {string} noun
 */
export function formatNoun(count, noun) {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * `9,870` or `0.25`
 * @param {number} rate
 */
export function formatRate(rate) {
  return rate >= 100 ? WHOLE.format(Math.round(rate)) : SHORT.format(rate);
}

/**
 * `1.5 GB`
 * @param {number} bytes
 */
export function formatBytes(bytes) {
  const power = Math.min(BYTES.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${SHORT.format(bytes / 1000 ** power)} ${BYTES[power]}`;
}

/**
 * `0.4 s`, `12 s`, `3m 5s`, `2h 4m`, `3d 2h`
 * @param {number} ms
 */
export function formatDuration(ms) {
  if (ms < 10 * SECOND_MS) return `${(Math.max(0, ms) / SECOND_MS).toFixed(1)} s`;
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return two(ms, MINUTE_MS, "m", SECOND_MS, "s");
  if (ms < DAY_MS) return two(ms, HOUR_MS, "h", MINUTE_MS, "m");
  return two(ms, DAY_MS, "d", HOUR_MS, "h");
}

/**
 * `40 µs`, `1.3 ms`, `412 ms`, `2.5 s`: how long a job takes
 * @param {number} ms
 */
export function formatShort(ms) {
  if (ms >= SECOND_MS) return formatDuration(ms);
  return ms >= 1 ? `${SHORT.format(ms)} ms` : `${SHORT.format(1000 * ms)} µs`;
}

/**
 * @param {number} ms
 * @param {number} largeMs
 * @param {string} large
 * @param {number} smallMs
 * @param {string} small
 */
function two(ms, largeMs, large, smallMs, small) {
  return `${Math.floor(ms / largeMs)}${large} ${Math.floor(ms % largeMs / smallMs)}${small}`;
}

/**
 * The time of day: `14:05:09`
 * @param {number} at
 */
export function formatTime(at) {
  return new Date(at).toTimeString().slice(0, 8);
}

/**
 * The day and the time of day: `2026-11-26 14:05:09`
 * @param {number} at
 */
export function formatDate(at) {
  const date = new Date(at);
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${
    formatTime(at)
  }`;
}

/**
 * A foreign text as one line: `caf\\xe9.txt`
 * @param {unknown} text
 */
export function shown(text) {
  return String(text ?? "").replace(HIDDEN, " ")
    .replace(BYTES_ALONE, (unit) => `\\x${(unit.charCodeAt(0) - 0xdc00).toString(16)}`);
}
