/** Sizes as text, in the units in which limits are given. For what the library imports, too: it has no dependencies. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** `900 B`, `1.5 KiB`, `64 GiB`, with three digits or all of a whole number. */
export function sizeText(bytes: number): string {
  let power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  if (Math.round(bytes / 1024 ** power) >= 1024 && power < UNITS.length - 1) power += 1; // 1 GiB, not 1024 MiB
  const amount = bytes / 1024 ** power;
  return `${amount < 100 ? Number(amount.toPrecision(3)) : Math.round(amount)} ${UNITS[power]}`;
}
