/** A large output is packed in pieces, into one frame. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { zstdDecompressSync } from "node:zlib";
import { frameOf } from "../../../controller/output/pack/zstd_packing.ts";
import { FrameCutter } from "../../../controller/output/pack/zstd_unpacking.ts";
import { test } from "../../lib/test.ts";
import { Turns } from "../../lib/turns.ts";

const MIB = 1024 * 1024;

test("parts of any size become one frame that says its size, and while many bytes are packed other work goes on", async () => {
  for (const sizes of [[], [0], [1, 2], [MIB, 3 * MIB], [1, 5 * MIB, 0, 700_000]]) {
    const parts = sizes.map((bytes, index) => new Uint8Array(bytes).fill(index + 1));
    const content = Buffer.concat(parts);
    const turns = new Turns();
    const pieces: Buffer[] = [];
    for await (const piece of frameOf(parts)) pieces.push(Buffer.from(piece));
    turns.stop();
    const frames: (number | undefined)[] = [];
    const cutter = new FrameCutter({
      onBytes() {},
      onEnd: (_, contentBytes) => frames.push(contentBytes),
    });
    cutter.push(Buffer.concat(pieces));
    assert(cutter.isWhole);
    assert.deepEqual(frames, [content.byteLength]);
    assert(zstdDecompressSync(Buffer.concat(pieces)).equals(content));
    if (content.byteLength > 4 * MIB) assert(turns.count >= 2, `${turns.count} turns`);
  }
});
