/** A pack that is packed with zstd: batches of any size, also where a write fails. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { constants, zstdCompressSync } from "node:zlib";
import type { OpenFile } from "../../../runtime/files/files.ts";
import { chunksOf } from "../../../controller/output/file_chunks.ts";
import { unzstd } from "../../../controller/output/pack/zstd_unpacking.ts";
import { ZstdPackFile } from "../../../controller/output/pack/zstd_pack_file.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";

const PATH = "/pack.tar.zst";
const MIB = 1024 * 1024;

/** A frame that is skipped, with a number. */
const NOTE_BYTES = 16;

test("a write that fails leaves the batches before it, also behind one that was written in pieces", async () => {
  const disk = new MemoryDisk();
  const file = await disk.files.openToAppend(PATH, true);
  let isFull = false;
  const append: OpenFile["append"] = async (bytes) => {
    await file.append(isFull ? bytes.subarray(0, 10) : bytes);
    if (isFull) throw new Error("no room");
  };
  const pack = await ZstdPackFile.open({ ...file, append }, chunksOf(disk.files, PATH));
  const content = randomBytes(5 * MIB); // it cannot be packed, so that it is several writes
  await pack.append([content.subarray(0, 100), content.subarray(100)]);
  isFull = true;
  await assert.rejects(pack.append([content]), /no room/);
  isFull = false;
  await pack.append([Buffer.from("last")]);
  const again = await ZstdPackFile.open(file, chunksOf(disk.files, PATH));
  assert.deepEqual([again.bytes, again.endBefore(again.bytes - 1)], [5 * MIB + 4, 5 * MIB]);
  const unpacked = await Array.fromAsync(unzstd(chunksOf(disk.files, PATH)));
  assert(Buffer.concat(unpacked).equals(Buffer.concat([content, Buffer.from("last")])));
  const found = new Uint8Array(6);
  assert.equal(await again.read(found, 5 * MIB - 2), 2); // of one batch
  assert.deepEqual([...found.subarray(0, 2)], [...content.subarray(-2)]);
});

test("what follows a note that is wrong is cut off: of zeros, too small, too large, no number, and of a copy of the pack", async () => {
  const notes = [0, 5, 10, 12, 2 ** 40].map((bytes) => BigInt(bytes));
  for (const note of [...notes, 2n ** 53n + 11n, 2n ** 64n - 1n, undefined]) {
    const disk = new MemoryDisk();
    const file = await disk.files.openToAppend(PATH, true);
    const pack = await ZstdPackFile.open(file, chunksOf(disk.files, PATH));
    await pack.append([Buffer.from("first")]);
    await pack.append([Buffer.from("second")]);
    const packed = Buffer.concat(await Array.fromAsync(chunksOf(disk.files, PATH)));
    if (note === undefined) await file.append(packed);
    else {
      await file.truncate(packed.byteLength - 8);
      await file.append(new Uint8Array(BigUint64Array.of(note).buffer));
      await file.append(packed); // none of it counts
    }
    const again = await ZstdPackFile.open(file, chunksOf(disk.files, PATH));
    await again.cut(again.bytes);
    const left = Buffer.concat(await Array.fromAsync(unzstd(chunksOf(disk.files, PATH))));
    assert.equal(left.toString(), note === undefined ? "firstsecond" : "first", `${note}`);
  }
});

test("frames of other programs, which do not say their size, are taken with their note", async () => {
  const disk = new MemoryDisk();
  const file = await disk.files.openToAppend(PATH, true);
  const pack = await ZstdPackFile.open(file, chunksOf(disk.files, PATH));
  await pack.append([Buffer.from("first")]);
  const packed = Buffer.concat(await Array.fromAsync(chunksOf(disk.files, PATH)));
  await file.truncate(0);
  const params = { [constants.ZSTD_c_contentSizeFlag]: 0 };
  await file.append(Buffer.concat([
    zstdCompressSync("first", { params }),
    packed.subarray(-NOTE_BYTES),
  ]));
  const again = await ZstdPackFile.open(file, chunksOf(disk.files, PATH));
  assert.deepEqual([again.bytes, again.isOther], ["first".length, false]);
});
