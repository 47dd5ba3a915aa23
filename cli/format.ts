/** Numbers as people read them. */

const COUNT = new Intl.NumberFormat("en-US");
const SHORT = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `1,234,567` */
export function formatCount(count: number): string {
  return COUNT.format(count);
}

/** `1,230` or `0.52`: three digits say enough of a rate. */
export function formatRate(perSecond: number): string {
  return SHORT.format(perSecond >= 1000 ? Math.round(perSecond) : perSecond);
}

/** `3.4 MB`, in powers of 1000. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${SHORT.format(value)} ${BYTE_UNITS[unit]}`;
}

/** `0.42 s`, `12.3 s`, `4:05`, `1:02:03`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1000;
  return seconds < 60 ? `${SHORT.format(seconds)} s` : formatClock(ms);
}

/** `0:07`, `4:05`, `1:02:03`, `3 d 4 h`. */
export function formatClock(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const hours = Math.floor(seconds / 3600);
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  const minutes = Math.floor(seconds / 60) % 60;
  const padded = (part: number) => String(part).padStart(2, "0");
  return hours > 0
    ? `${hours}:${padded(minutes)}:${padded(seconds % 60)}`
    : `${minutes}:${padded(seconds % 60)}`;
}

/** Text of others (file names, what a worker says) as one line that does nothing to a terminal. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what this removes
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

/** `1 job`, `2 jobs`. */
export function formatNoun(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
