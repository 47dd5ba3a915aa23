/** Codecs for what inputs and outputs are most often: text, JSON, and arrays of numbers. */

import { kindOf } from "../../system/option_checks.ts";
import type { Codec, JobOutput } from "./types.ts";

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true });

/** Text is given as it is, also with a byte order mark. */
const asText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text in and out, as UTF-8. */
export const textCodec: Codec<string, string> = {
  encode: (text) => {
    if (typeof text === "string") return utf8.encode(text);
    throw new TypeError(`An input must be a string, not ${kindOf(text)}`);
  },
  decode: (output) => asText.decode(output),
};

/** JSON in and out. */
export function jsonCodec<I, O>(): Codec<I, O> {
  return {
    encode: (value) => {
      const text = JSON.stringify(value) as string | undefined;
      if (text !== undefined) return utf8.encode(text);
      throw new TypeError(`An input must be a value that JSON has, not ${kindOf(value)}`);
    },
    decode: (output) => JSON.parse(fromUtf8.decode(output)) as O,
  };
}

/** A class of typed arrays, such as `Float64Array`. */
export interface ArrayClass<A extends ArrayBufferView> {
  /** The array over a buffer. */
  new (buffer: ArrayBuffer): A;
  /** The size of an element. */
  readonly BYTES_PER_ELEMENT: number;
  /** The name of the class. */
  readonly name: string;
}

/** Typed arrays in and out, such as `arrayCodec(Float64Array)`. `output`: the class of outputs, if it is another one. */
export function arrayCodec<I extends ArrayBufferView, O extends ArrayBufferView = I>(
  input: ArrayClass<I>,
  output: ArrayClass<O> = input as unknown as ArrayClass<O>,
): Codec<I, O> {
  return {
    encode: (array) => {
      if (array instanceof input) return array;
      throw new TypeError(`An input must be a ${input.name}, not ${kindOf(array)}`);
    },
    decode: (bytes) => arrayOf(bytes, output),
  };
}

function arrayOf<A extends ArrayBufferView>(bytes: JobOutput, array: ArrayClass<A>): A {
  const { name, BYTES_PER_ELEMENT: size } = array;
  if (bytes.byteLength % size === 0) return new array(bytes.buffer);
  throw new RangeError(
    `An output of ${bytes.byteLength} bytes is not a ${name}, whose elements have ${size} bytes each`,
  );
}
