/**
 * Unsigned 64-bit integers as the protocol has them for ids and lengths.
 *
 * A value up to 2^53 - 1 is a `number`, a larger one a `bigint`: every value has exactly one form, so
 * `===` and `Map` keys work, and the ids that we choose ourselves never touch a bigint.
 */
export type Uint64 = number | bigint;

const HIGH_WORD = 2 ** 32;
const UINT64_MAX = 2n ** 64n - 1n;

/** The one form of `value`. Throws a `RangeError` when it is no unsigned 64-bit integer. */
export function toUint64(value: Uint64): Uint64 {
  if (typeof value === "number" ? !Number.isSafeInteger(value) || value < 0 : isOutside(value)) {
    throw new RangeError(`${value} is not an unsigned 64-bit integer`);
  }
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

function isOutside(value: bigint): boolean {
  return value < 0n || value > UINT64_MAX;
}

/** Reads the eight little-endian bytes at `at`. */
export function readUint64(view: DataView, at: number): Uint64 {
  const high = view.getUint32(at + 4, true);
  return high < 2 ** 21 ? high * HIGH_WORD + view.getUint32(at, true) : view.getBigUint64(at, true);
}

/** Writes `value` as eight little-endian bytes at `at`. */
export function writeUint64(view: DataView, at: number, value: Uint64): void {
  if (typeof value === "bigint") {
    view.setBigUint64(at, value, true);
    return;
  }
  view.setUint32(at, value % HIGH_WORD, true);
  view.setUint32(at + 4, Math.floor(value / HIGH_WORD), true);
}
