/** Parts of a whole, for people. */

/** `12%`, `0.3%`. */
export function percent(part: number): string {
  const value = 100 * part;
  return `${value > 0 && value < 1 ? Number(value.toPrecision(1)) : Math.round(value)}%`;
}
