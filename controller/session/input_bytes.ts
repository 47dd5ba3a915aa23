/** The bytes of a job's input: a copy, so that the caller may change or transfer what it has passed. */

import { kindOf } from "../../system/option_checks.ts";
import type { JobInput } from "./types.ts";

/** Copies an input. Throws a `TypeError` for everything that is none. */
export function bytesOfInput(
  input: JobInput,
): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
  if (ArrayBuffer.isView(input)) return copyOf(input);
  if (isBuffer(input)) return new Uint8Array(input.slice(0) as ArrayBuffer);
  if (input instanceof Blob) return input.arrayBuffer().then((buffer) => new Uint8Array(buffer));
  throw new TypeError(
    `An input must be a Uint8Array, another view, an ArrayBuffer or a Blob, not ${kindOf(input)}`,
  );
}

/** Whether a value is to be awaited. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | undefined)?.then === "function";
}

function copyOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(byteLength);
  copy.set(new Uint8Array(buffer, byteOffset, byteLength));
  return copy;
}

function isBuffer(input: unknown): input is ArrayBufferLike {
  return input instanceof ArrayBuffer ||
    (typeof SharedArrayBuffer !== "undefined" && input instanceof SharedArrayBuffer);
}
