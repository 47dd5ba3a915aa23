/**
 * Unsigned 64-bit integers, which the protocol uses for ids and lengths.
 *
 * A value up to 2^53 - 1 is a `number`, a larger value is a `bigint`. Every value has exactly one form, so that
 * `===` and `Map` keys work. Our own ids are small enough to be numbers.
 */
export type Uint64 = number | bigint;

const HIGH_WORD = 2 ** 32;

/**
 * Reads eight little-endian bytes at `at`. The caller must have checked that they exist. Does not use a
 * `DataView`, because creating one costs several times as much as the read.
 */
export function readUint64(bytes: Uint8Array, at: number): Uint64 {
  const low = readUint32(bytes, at);
  const high = readUint32(bytes, at + 4);
  return high < 2 ** 21 ? high * HIGH_WORD + low : (BigInt(high) << 32n) | BigInt(low);
}

/** Reads four little-endian bytes at `at` as an unsigned integer. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at) >>> 0;
}

/** Reads four little-endian bytes at `at` as a signed integer. */
export function readInt32(bytes: Uint8Array, at: number): number {
  return byteAt(bytes, at) | (byteAt(bytes, at + 1) << 8) | (byteAt(bytes, at + 2) << 16) |
    (byteAt(bytes, at + 3) << 24);
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

/** Writes `value` as eight little-endian bytes at `at`. */
export function writeUint64(view: DataView, at: number, value: Uint64): void {
  if (typeof value === "bigint") {
    view.setBigUint64(at, value, true);
  } else if (value < HIGH_WORD) {
    view.setUint32(at, value, true);
    view.setUint32(at + 4, 0, true);
  } else {
    const high = Math.floor(value / HIGH_WORD);
    view.setUint32(at, value - high * HIGH_WORD, true); // `%` takes many times as long
    view.setUint32(at + 4, high, true);
  }
}
