/** Frames of zstd, in chunks of any size, cut off, and damaged. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { constants, zstdCompressSync } from "node:zlib";
import { FrameCutter, unzstd, ZstdError } from "../../../controller/output/pack/zstd_unpacking.ts";
import { Choices, randomTest, SEED } from "../../lib/random.ts";
import { test } from "../../lib/test.ts";

const NOTE = Buffer.of(0x5d, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2);
const EMPTY_NOTE = Buffer.of(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0);

const CONTENTS = [
  Buffer.from("short"),
  Buffer.alloc(0),
  Buffer.alloc(300_000, "repeats "),
  Buffer.alloc(1_000_000), // blocks that repeat one byte
  new Choices(7).bytes(200_000), // blocks that are not packed
];

/** Frames with and without a checksum, and frames that are skipped. */
const FRAMES = CONTENTS.flatMap((content, index) => {
  const params = { [constants.ZSTD_c_checksumFlag]: index % 2 };
  return [zstdCompressSync(content, { params }), index % 2 === 0 ? NOTE : EMPTY_NOTE];
});
const FILE = Buffer.concat(FRAMES);
const CONTENT = Buffer.concat(CONTENTS);

async function* chunked(bytes: Buffer, sizeOf: () => number): AsyncIterable<Buffer> {
  for (let at = 0; at < bytes.byteLength;) {
    const size = sizeOf();
    const chunk = Buffer.from(bytes.subarray(at, at + size));
    yield chunk;
    chunk.fill(0xaa); // it may be used again
    at += size;
  }
  await Promise.resolve();
}

async function read(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of unzstd(chunks)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

randomTest("several frames in a row are one content, in chunks of any size", async () => {
  const choices = new Choices(SEED);
  for (const sizeOf of [() => FILE.byteLength, () => 1000, () => choices.between(1, 5000)]) {
    assert((await read(chunked(FILE, sizeOf))).equals(CONTENT));
  }
});

test("the ends of frames are found, also byte by byte", () => {
  let end = 0;
  const ends = FRAMES.map(({ byteLength }) => end += byteLength);
  for (const size of [1, FILE.byteLength]) {
    const found = new Map<number, boolean>();
    let bytes = 0;
    const cutter = new FrameCutter({
      onBytes: (piece) => bytes += piece.byteLength,
      onEnd: (isData) => found.set(bytes, isData),
    });
    for (let at = 0; at < FILE.byteLength; at += size) cutter.push(FILE.subarray(at, at + size));
    assert(cutter.isWhole);
    // Deno writes an empty frame behind some others.
    assert.deepEqual(ends.map((at) => found.get(at)), ends.map((_, index) => index % 2 === 0));
    const skipped = [...found].filter(([, isData]) => !isData).map(([at]) => at);
    assert.deepEqual(skipped, ends.filter((_, index) => index % 2 === 1));
  }
});

test("a frame says how large its content is, in a field of any size, or does not say it", () => {
  for (const bytes of [0, 1, 255, 256, 65_535, 70_000, 300_000, undefined]) {
    const content = Buffer.alloc(bytes ?? 1000, "some text ");
    const params = { [constants.ZSTD_c_contentSizeFlag]: bytes === undefined ? 0 : 1 };
    const frame = zstdCompressSync(content, { params, ...{ pledgedSrcSize: bytes ?? 1000 } });
    const found: (number | undefined)[] = [];
    const cutter = new FrameCutter({ onBytes() {}, onEnd: (_, size) => found.push(size) });
    for (const byte of frame) cutter.push(Buffer.of(byte));
    assert.deepEqual(found, [bytes]);
  }
});

test("what is cut off within a frame is an error, and no content that is not there", async () => {
  const [first = assert.fail()] = FRAMES;
  for (const bytes of [1, 3, 5, first.byteLength - 1, first.byteLength + 3, FILE.byteLength - 1]) {
    const cut = FILE.subarray(0, bytes);
    await assert.rejects(read(chunked(cut, () => 100)), /it is cut off within a frame of zstd/);
  }
});

test("what is not zstd is refused", async () => {
  const after = Buffer.concat([FILE, Buffer.from("garbage")]);
  await assert.rejects(read(chunked(after, () => 1000)), ZstdError);
});

randomTest("damage of a frame with a checksum is an error, wherever it is", async () => {
  const choices = new Choices(SEED);
  const content = Buffer.concat([CONTENT, choices.bytes(150_000)]);
  const frame = zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  for (let round = 0; round < 40; round++) {
    const damaged = Buffer.from(frame);
    const at = choices.below(frame.byteLength);
    damaged[at] = (damaged[at] as number) ^ choices.between(1, 256);
    const size = choices.between(1_000, 400_000);
    const found = await read(chunked(damaged, () => size)).catch((error) => error);
    // A reserved bit of the header means nothing.
    assert(found instanceof ZstdError || found.equals(content), `byte ${at}: ${found}`);
    assert(Buffer.isBuffer(found) || !/^[A-Z]/.test(found.message), found.message);
  }
});

test("damage is called that, with the words of the library, and a window that is too large has a remedy", async () => {
  const params = { [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_contentSizeFlag]: 0 };
  const frame = zstdCompressSync(CONTENT, { params });
  const refused = async (at: number, byte: number) => {
    const changed = Buffer.from(frame);
    changed[at] = byte;
    return await read(chunked(changed, () => 1000)).then(() => "", ({ message }) => message);
  };
  assert.match(await refused(frame.byteLength - 1, 0), /^it is damaged \([\w' ]+\)$/);
  assert.match(
    await refused(5, 0xa8),
    /^it needs more memory .*: zstd -dc --long=31 FILE \| distcomp/,
  );
});

test("an error of reading what is packed stays as it is", async () => {
  const broken = async function* () {
    yield FILE.subarray(0, 1000);
    await Promise.reject(new Error("the disk is broken"));
  };
  await assert.rejects(read(broken()), /^Error: the disk is broken$/);
});

test("a frame is read while it arrives, and not held in memory as a whole", async () => {
  const frame = zstdCompressSync(new Choices(9).bytes(2_000_000));
  let pulled = 0;
  const content = unzstd(chunked(frame, () => {
    pulled += 10_000;
    return 10_000;
  }))[Symbol.asyncIterator]();
  await content.next();
  assert(
    pulled < frame.byteLength,
    `${pulled} of ${frame.byteLength} bytes were needed for the first piece`,
  );
  await content.return?.();
});
