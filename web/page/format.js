/**
 * Numbers, times and foreign texts, as the page shows them: in the words of system/format.ts, which a test holds it to.
 * Its packages are not files that a browser could load: the executable cannot have a package as code and as text.
 */

const WHOLE = new Intl.NumberFormat("en-US");
const BYTES = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Sequences that style text or move the cursor, as in core/one_line.ts. */
const STYLES =
  // deno-lint-ignore no-control-regex -- control characters are what this finds
  /(?:\u001b\[|\u009b)[\d:;]*[Km]|\u001b\(B|\u001b\][^\u0000-\u001f\u007f-\u009f]*(?:\u0007|\u001b\\)/g;
// deno-lint-ignore no-control-regex -- control characters are what this finds
const MOVES = /(?:\u001b\[|\u009b)[0-?]*[ -/]*(?:[@-~]|$)/g;

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
 * @param {number} perSecond
 */
export function formatRate(perSecond) {
  const rate = Number(perSecond.toPrecision(3));
  return rate >= 1e-6 && rate < 1000 ? String(rate) : formatCount(rate);
}

/**
 * `1.5 GB`
 * @param {number} bytes
 */
export function formatBytes(bytes) {
  let power = 0;
  let value = bytes;
  for (; value >= 999.5 && power < BYTES.length - 1; power++) value /= 1000;
  const digits = Math.max(3, Math.floor(value).toString().length);
  return `${Number(value.toPrecision(digits))} ${BYTES[power]}`;
}

/**
 * `400ns`, `40µs`, `1.3ms`, `420ms`, `12.3s`, `4m 5s`, `3d 4h`
 * @param {number} ms
 */
export function formatDuration(ms) {
  const ns = Math.round(1e6 * ms);
  if (ns <= 0) return "0ms";
  if (ns < 1000) return `${ns}ns`;
  if (ms < 0.9995) return `${Math.round(1000 * ms)}µs`;
  if (ms < 10) return `${Math.round(10 * ms) / 10}ms`;
  if (ms < SECOND_MS) return `${Math.min(999, Math.round(ms))}ms`;
  const parts = /** @type {const} */ ([
    [Math.floor(ms / DAY_MS), "d"],
    [Math.floor(ms % DAY_MS / HOUR_MS), "h"],
    [Math.floor(ms % HOUR_MS / MINUTE_MS), "m"],
    [Math.floor(ms % MINUTE_MS / 100) / 10, "s"],
  ]);
  return parts.filter(([count]) => count > 0).slice(0, 2)
    .map(([count, unit]) => `${count}${unit}`).join(" ");
}

/**
 * The same with two digits: how long a job takes
 * @param {number} ms
 */
export function formatMeasured(ms) {
  return formatDuration(ms < SECOND_MS ? Number(ms.toPrecision(2)) : ms);
}

/**
 * `7s`, `4m 5s`, `3d 4h`: how long something will take, in whole seconds, at least 1
 * @param {number} ms
 */
export function formatTimeLeft(ms) {
  return formatDuration(SECOND_MS * Math.max(1, Math.round(ms / SECOND_MS)));
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
  return String(text ?? "").replace(STYLES, "").replace(MOVES, "\0").replace(HIDDEN, " ")
    .replace(BYTES_ALONE, (unit) => `\\x${(unit.charCodeAt(0) - 0xdc00).toString(16)}`);
}
