/** Compressed bytes as hostile peers send them: right ones, cut anywhere, and damaged ones of each kind. */

import { zstdCompress } from "../../runtime/zstd.ts";
import {
  COMPRESSED,
  concat,
  encodeFrame,
  header,
  int32,
  PING,
  utf8,
} from "../fixtures/peers/frames.ts";
import type { Choices } from "../lib/random.ts";

const PLAIN = 0;
const ZSTD = 1;

/** Fewer bytes may not come compressed, and no frame stands for more. */
const ZSTD_BYTES_MIN = 1024;
const BYTES_MAX = 2 ** 20;

/** The most frames that stand for one piece. */
const PARTS_MAX = 3;

/** Frames that stand for these bytes. */
export function compressed(bytes: Uint8Array, choices: Choices): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const isLast = parts.length === PARTS_MAX - 1;
    const rest = Math.min(bytes.length - at, BYTES_MAX);
    const part = bytes.subarray(at, at + (isLast ? rest : choices.between(1, rest)));
    parts.push(compressedPart(part));
    at += part.length;
  }
  return concat(...parts);
}

function compressedPart(bytes: Uint8Array): Uint8Array {
  const zstd = bytes.length < ZSTD_BYTES_MIN ? bytes : new Uint8Array(zstdCompress(bytes));
  return zstd.length < bytes.length
    ? frame(ZSTD, bytes.length, zstd)
    : frame(PLAIN, bytes.length, bytes);
}

/** A frame of compressed bytes that no connection survives. */
export function damagedCompressed(choices: Choices): Uint8Array {
  const bytes = new Uint8Array(choices.between(ZSTD_BYTES_MIN, 64 * ZSTD_BYTES_MIN));
  const zstd = new Uint8Array(zstdCompress(bytes));
  return choices.of<() => Uint8Array>([
    () => frame(choices.between(2, 255), bytes.length, zstd),
    () => frame(ZSTD, bytes.length + choices.of([-1, 1]), zstd),
    () => frame(ZSTD, choices.of([0, BYTES_MAX + 1, 2 ** 32 - 1]), zstd),
    () => frame(ZSTD, bytes.length, zstd.subarray(0, choices.below(zstd.length))),
    () => frame(ZSTD, bytes.length, concat(zstd, choices.bytes(1))),
    () => frame(ZSTD, bytes.length, choices.bytes(20)),
    () => frame(PLAIN, 21, choices.bytes(20)),
    () => encodeFrame({ type: COMPRESSED, id: 0n, payload: choices.bytes(choices.below(5)) }),
    () => encodeFrame({ type: COMPRESSED, id: 1n, payload: concat(Uint8Array.of(0), int32(1)) }),
    () => header(COMPRESSED, 0n, choices.of([BigInt(BYTES_MAX) + 6n, 2n ** 30n])),
    () => compressedPart(frame(PLAIN, 1, utf8("x"))),
    // A plain frame inside one that comes compressed.
    () => concat(compressedPart(header(PING, 1n, 1n)), encodeFrame(ping())),
  ])();
}

function frame(coding: number, count: number, data: Uint8Array): Uint8Array {
  const payload = concat(Uint8Array.of(coding), int32(count), data);
  return encodeFrame({ type: COMPRESSED, id: 0n, payload });
}

function ping() {
  return { type: PING, id: 2n, payload: new Uint8Array(0) };
}
