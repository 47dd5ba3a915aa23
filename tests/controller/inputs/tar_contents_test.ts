/** Large contents of a tar are read to where they stay, and everything else in chunks. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { countInTar } from "../../../controller/inputs/tar/tar_count.ts";
import type { ContentMemory } from "../../../controller/inputs/tar/tar_events.ts";
import { TarReader } from "../../../controller/inputs/tar/tar_reader.ts";
import { tarFormat } from "../../../controller/output/pack/tar_format.ts";
import { PayloadMemory } from "../../../controller/workers/payload_memory.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { Choices, randomTest, RUNS_ALL, SEED } from "../../lib/random.ts";
import { test } from "../../lib/test.ts";

const MIB = 1024 * 1024;

randomTest("a tar gives the same files however its large contents are read", async () => {
  const choices = new Choices(SEED);
  for (let round = 0; round < (RUNS_ALL ? 200 : 20); round++) {
    const sizes = Array.from(
      { length: 4 },
      () => choices.below(8) * 200_000 + choices.below(2) * choices.below(2_000),
    );
    const memory = choices.onceIn(2) ? new PayloadMemory() : undefined;
    const read = readAll(tarOf(sizes), () => choices.between(1, 300_000), memory);
    assert.deepEqual(read.files, sizes.map((bytes, index) => `${index} ${sumOf(index, bytes)}`));
  }
  await Promise.resolve();
});

test("a content of a megabyte and the header behind it are one read, in memory that is used again", () => {
  const memory = new PayloadMemory();
  const { reads } = readAll(tarOf([MIB, MIB, MIB, MIB]), () => Infinity, memory);
  assert.deepEqual(reads.slice(1), [1024, MIB + 512, MIB + 512, MIB + 512, 512]);
});

test("contents of 16 KiB and more use memory again, however many of them a read brings", () => {
  for (const bytes of [16 * 1024, 64 * 1024, 100_000]) {
    const memory = new CountingMemory();
    const count = 30;
    const { files } = readAll(tarOf(Array(count).fill(bytes)), () => Infinity, memory);
    assert.deepEqual(files, Array.from({ length: count }, (_, at) => `${at} ${sumOf(at, bytes)}`));
    assert.deepEqual([memory.lent, memory.buffers.size], [count, 1], `${bytes} bytes`);
  }
});

test("files in a tar are counted without their contents, unless they are many small ones or packed", async () => {
  const disk = new MemoryDisk();
  const tars = {
    large: tarOf(Array.from({ length: 300 }, () => 20_000)),
    small: tarOf(Array.from({ length: 300 }, () => 10_000)),
    few: tarOf([0, 1, 511, 512, 513, MIB, 0]),
    packed: gzipSync(tarOf([1])),
    links: Buffer.concat([linkHeader(), linkHeader(), tarOf([1])]), // a link is a job that fails
  };
  for (const [name, tar] of Object.entries(tars)) await disk.files.create(`/${name}`, tar);
  const counts = await Promise.all(
    Object.keys(tars).map((name) => countInTar(disk.files, `/${name}`)),
  );
  assert.deepEqual(counts, [300, undefined, 7, undefined, 3]);
  const damaged = Buffer.concat([
    tarOf([20_000]).subarray(0, 512 + 20_480),
    Buffer.alloc(512, "x"),
  ]);
  await disk.files.create("/damaged", damaged);
  await assert.rejects(countInTar(disk.files, "/damaged"), /at byte 20992, there is no header/);
});

/** Reads a tar in parts, and gives the memory of each content back as soon as it was looked at. */
function readAll(tar: Buffer, partBytes: () => number, memory: PayloadMemory | undefined) {
  const files: string[] = [];
  const reads: number[] = [];
  const reader = new TarReader(2 ** 30, {
    onFile: (name, _bytes, content = new Uint8Array(0)) => {
      files.push(`${name} ${content.byteLength} ${content.reduce((sum, byte) => sum + byte, 0)}`);
      memory?.give(content);
    },
    onSkipped: () => assert.fail(),
    onUnreadable: () => assert.fail(),
  }, memory satisfies ContentMemory | undefined);
  for (let at = 0; at < tar.byteLength;) {
    const space = reader.space();
    const part = tar.subarray(at, at + Math.min(partBytes(), space?.byteLength ?? MIB));
    space?.set(part);
    if (space) reader.commit(part.byteLength);
    else reader.push(Buffer.from(part));
    at += part.byteLength;
    reads.push(part.byteLength);
  }
  return { files, reads };
}

/** Counts what is lent, and how much memory that was. */
class CountingMemory extends PayloadMemory {
  lent = 0;
  readonly buffers = new Set<ArrayBuffer>();

  override take(bytes: number): Uint8Array<ArrayBuffer> | undefined {
    const room = super.take(bytes);
    if (room) this.lent += 1;
    if (room) this.buffers.add(room.buffer);
    return room;
  }
}

function tarOf(sizes: readonly number[]): Buffer {
  const format = tarFormat();
  const parts = sizes.flatMap((bytes, index) => {
    const { before, content, after } = format.entryOf(`${index}`, contentOf(index, bytes));
    return [Buffer.from(before), content, after];
  });
  return Buffer.concat([...parts, format.tail]);
}

/** The header of a link, which has no content. */
function linkHeader(): Buffer {
  const header = Buffer.from(tarFormat().entryOf("link", new Uint8Array(0)).before);
  header.write("2", 156);
  header.write(" ".repeat(8), 148);
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

function contentOf(index: number, bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(index + 1);
}

function sumOf(index: number, bytes: number): string {
  return `${bytes} ${(index + 1) * bytes}`;
}
