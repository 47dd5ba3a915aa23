/** Writes plain text as bytes: names of fields, numbers, and strings in which JSON escapes nothing. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const POINT = 0x2e;
const DIGIT_0 = 0x30;
const LETTER_A = 0x61;

const HEX_DIGITS = 8;
const HEX_BITS = 4;

/** Numbers up to this one are written with the arithmetic of 32 bits. */
const SMALL_MAX = 0x7fffffff;
const BILLION = 1_000_000_000;
const BILLION_DIGITS = 9;

/** How many digits stand behind the point of a number with thousandths, and with the point. */
const FRACTION_DIGITS = 3;
export const FRACTION_BYTES = FRACTION_DIGITS + 1;

/** Digits of the largest number that is exact. */
const DIGITS_MAX = 16;

/** A number takes no more than this. */
export const NUMBER_BYTES_MAX = DIGITS_MAX + FRACTION_BYTES;

/** The smallest numbers with one digit more than their place in this list. */
const POWERS = Array.from({ length: DIGITS_MAX + 1 }, (_, digits) => 10 ** digits);

/** Memory that is filled from its beginning, and used again. Whoever writes makes room before. */
export class AsciiWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  /** How many bytes are written. */
  end = 0;

  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes);
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    const needed = this.end + bytes;
    if (needed <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.byteLength));
    larger.set(this.#bytes); // with what was there before `end` went back
    this.#bytes = larger;
  }

  /** What is written from `start` on, valid until the next call of `reserve`. */
  written(start = 0, end = this.end): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(start, end);
  }

  append(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.end);
    this.end += bytes.byteLength;
  }

  /** Appends bytes that stand, or have stood, at another place here. */
  repeat(at: number, bytes: number): void {
    this.#bytes.copyWithin(this.end, at, at + bytes);
    this.end += bytes;
  }

  /** Writes a string at a place. Returns false if JSON would escape something in it. */
  text(at: number, text: string): boolean {
    const bytes = this.#bytes;
    const { length } = text;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return false;
      bytes[at + index] = code;
    }
    return true;
  }

  /** Writes a whole number with this many digits at a place. */
  integer(at: number, digits: number, value: number): void {
    if (value <= SMALL_MAX) return this.#small(at, digits, value);
    const billions = Math.floor(value / BILLION);
    const ahead = digits - BILLION_DIGITS;
    this.#small(at, ahead, billions);
    this.#small(at + ahead, BILLION_DIGITS, value - billions * BILLION);
  }

  /** Writes a number with thousandths at a place. `digits`: of the whole part. */
  decimal(at: number, digits: number, whole: number, thousandths: number): void {
    this.integer(at, digits, whole);
    this.#bytes[at + digits] = POINT;
    this.#small(at + digits + 1, FRACTION_DIGITS, thousandths);
  }

  /** Writes 32 bits at a place, as 8 hex digits. */
  hex(at: number, value: number): void {
    const bytes = this.#bytes;
    for (let digit = 0; digit < HEX_DIGITS; digit++) {
      const four = (value >>> (HEX_BITS * (HEX_DIGITS - 1 - digit))) & 0xf;
      bytes[at + digit] = four < 10 ? DIGIT_0 + four : LETTER_A + four - 10;
    }
  }

  #small(at: number, digits: number, value: number): void {
    const bytes = this.#bytes;
    let rest = value | 0;
    for (let place = at + digits - 1; place >= at; place--) {
      const tens = (rest / 10) | 0;
      bytes[place] = DIGIT_0 + rest - 10 * tens;
      rest = tens;
    }
  }
}

/** Whether a number is a whole one without a sign that is written with this many digits. */
export function hasDigits(value: number, digits: number): boolean {
  const least = digits === 1 ? 0 : POWERS[digits - 1] ?? Infinity;
  return value >= least && value < (POWERS[digits] ?? 0) && Number.isInteger(value);
}

/** How many digits such a number has; 0 if it is none. */
export function digitsOf(value: number): number {
  let digits = 1;
  while (digits <= DIGITS_MAX && !hasDigits(value, digits)) digits += 1;
  return digits;
}
