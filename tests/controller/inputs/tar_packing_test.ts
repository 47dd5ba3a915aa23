/** Tars in a row, packed or not, and what follows the end of one: each file is a job, and nothing is left out silently. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { gunzipped } from "../../../controller/inputs/tar/gunzip.ts";
import type { Warn } from "../../../controller/inputs/source.ts";
import { countInTar } from "../../../controller/inputs/tar/tar_count.ts";
import { tarSource } from "../../../controller/inputs/tar/tar_source.ts";
import { tarFormat } from "../../../controller/output/pack/tar_format.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";

const BLOCK_BYTES = 512;
const TYPE_AT = 156;
const CHECKSUM_AT = 148;

const STRAY =
  /^more data follows the end of the tar, at byte \d+, and is not a tar, so files may be missing; .*: head -c \d+ FILE \|/;

for (
  const [how, packed] of [
    ["plain", (tar: Buffer) => tar],
    ["packed with gzip", gzipSync],
    ["packed with zstd", zstdCompressSync],
  ] as const
) {
  test(`all files of two tars in a row are inputs: ${how}`, async () => {
    const tars = Buffer.concat([packed(tarOf("a")), packed(tarOf("b", "c"))]);
    const warnings: string[] = [];
    const jobs = await jobsOf(tars, (text) => void warnings.push(text));
    assert.deepEqual(jobs, ["a", "b", "c"]);
    const at = tarOf("a").byteLength;
    assert.match(
      warnings.join("\n"),
      new RegExp(
        `^another tar follows the end of "/in.tar", at byte ${at}, and is read too; .* head -c ${at} FILE \\|.*$`,
      ),
    );
  });

  test(`what follows the end of a tar is a job that fails: ${how}`, async () => {
    const jobs = await jobsOf(packed(Buffer.concat([tarOf("a"), Buffer.from("other data")])));
    assert.equal(jobs[0], "a");
    assert.match(jobs[1] ?? "", STRAY);
    assert.equal(jobs.length, 2);
  });
}

test("a plain tar behind a packed one, and other data there, end the run", async () => {
  for (
    const rest of [tarOf("b"), Buffer.from("text"), Buffer.concat([Buffer.alloc(9), tarOf("b")])]
  ) {
    const jobs = jobsOf(Buffer.concat([gzipSync(tarOf("a")), rest]));
    await assert.rejects(jobs, /it is compressed with gzip, and more data follows its end/);
  }
});

for (const [how, packed] of [["gzip", gzipSync], ["zstd", zstdCompressSync]] as const) {
  test(`a few bytes behind a tar that is packed with ${how} are not taken for damage alone`, async () => {
    const tar = packed(tarOf("a"));
    for (const rest of [Buffer.from("x"), tar.subarray(0, 6), tar.subarray(0, -1)]) {
      const jobs = jobsOf(Buffer.concat([tar, rest]), () => {}); // Bun gives all that can be unpacked
      await assert.rejects(jobs, /cut off.*, or a few bytes follow its end/);
    }
  });
}

test("damage of a packed tar is called that, with the words of the library", async () => {
  const params = { [constants.ZSTD_c_checksumFlag]: 1 };
  const [gzip, zstd] = [gzipSync(tarOf("a")), zstdCompressSync(tarOf("a"), { params })];
  gzip[gzip.byteLength - 8] = ~(gzip[gzip.byteLength - 8] as number) & 0xff; // checksums
  zstd[zstd.byteLength - 1] = ~(zstd[zstd.byteLength - 1] as number) & 0xff;
  await assert.rejects(
    jobsOf(gzip),
    /compressed with gzip, and is damaged \(incorrect data check\)$/,
  );
  await assert.rejects(jobsOf(zstd), /"\/in.tar": it is damaged \([\w' ]+\)$/);
});

test("other data behind zstd is an error that says so", async () => {
  for (const rest of [Buffer.alloc(100), Buffer.from("text"), tarOf("b")]) {
    const jobs = jobsOf(Buffer.concat([zstdCompressSync(tarOf("a")), rest]));
    await assert.rejects(jobs, /data that is not compressed with zstd follows its end/);
  }
});

test("zeros behind gzip are read and are no error, in chunks of any size", async () => {
  const [a, b] = [gzipSync("first "), gzipSync("second")] as const;
  const packed = Buffer.concat([a, b, Buffer.alloc(100)]);
  for (const bytes of [1, 7, a.byteLength, packed.byteLength - 1, packed.byteLength]) {
    const left = chunked(packed, bytes);
    const pieces = await Array.fromAsync(gunzipped(left), (piece) => Buffer.from(piece));
    assert.equal(Buffer.concat(pieces).toString(), "first second");
    assert((await left.next()).done, `chunks of ${bytes}`);
  }
});

test("however many tars follow, one warning says so, and what stands before the first of them is one tar", async () => {
  const first = tarOf("a");
  const tars = Buffer.concat([first, Buffer.alloc(3 * BLOCK_BYTES), tarOf("b"), tarOf("c")]);
  const warnings: string[] = [];
  await jobsOf(tars, (text) => void warnings.push(text));
  assert.equal(warnings.length, 1);
  const at = Number(/head -c (\d+) /.exec(warnings[0] ?? "")?.[1]);
  assert.deepEqual(await jobsOf(tars.subarray(0, at)), ["a"]);
});

test("files of tars in a row are counted", async () => {
  const disk = new MemoryDisk();
  const tars = Buffer.concat([tarOf("a"), Buffer.alloc(5000 * 512), tarOf("b", "c")]);
  await disk.files.create("/in.tar", tars);
  assert.equal(await countInTar(disk.files, "/in.tar"), 3);
});

test("a file that is packed with another program is an error that says with which", async () => {
  for (
    const [magic, program] of [
      ["\xfd7zXZ\0", /compressed with xz; decompress it: xz -dc FILE \|/],
      ["BZh91AY&SY", /compressed with bzip2/],
      ["\x04\x22\x4d\x18", /compressed with lz4/],
      ["PK\x03\x04", /it is a zip/],
    ] as const
  ) {
    await assert.rejects(jobsOf(Buffer.from(magic.padEnd(600, "x"), "latin1")), program);
  }
  assert.deepEqual(await jobsOf(tarOf("BZh9")), ["BZh9"]);
});

test("a file whose name is none is a job that fails and says so", async () => {
  const named = (letter: string) => {
    const entry = tarOf("a").subarray(0, 2 * BLOCK_BYTES);
    entry.write(letter, 0); // its name
    setChecksum(entry);
    return entry;
  };
  assert.deepEqual(await jobsOf(Buffer.concat([named("\0"), named("."), tarOf("b")])), [
    "it has no name in the tar",
    'its name "." is that of a folder',
    "b",
  ]);
  const record = tarOf("12 path=a_b\n").subarray(0, 2 * BLOCK_BYTES);
  record[record.lastIndexOf("_")] = 0;
  record.write("x", TYPE_AT);
  setChecksum(record);
  assert.deepEqual(await jobsOf(Buffer.concat([record, tarOf("b")])), [
    "its name has a zero byte in it, which no file can have",
  ]);
});

/** The names of the jobs, or why they fail. */
async function jobsOf(tar: Buffer, warn: Warn = assert.fail): Promise<string[]> {
  const disk = new MemoryDisk();
  await disk.files.create("/in.tar", tar);
  const source = tarSource({ files: disk.files, tar: "/in.tar", warn });
  const jobs: string[] = [];
  for await (const tasks of source.batches) {
    for (const task of tasks) jobs.push(task.kind === "unreadable" ? task.reason : task.name);
  }
  return jobs;
}

/** A tar with small files of these names. */
function tarOf(...names: string[]): Buffer {
  const format = tarFormat();
  const entries = names.map((name) => {
    const { before, content, after } = format.entryOf(name, Buffer.from(name));
    return Buffer.concat([before, content, after]);
  });
  return Buffer.concat([...entries, format.tail]);
}

function setChecksum(entry: Buffer): void {
  entry.write(" ".repeat(8), CHECKSUM_AT);
  const sum = entry.subarray(0, BLOCK_BYTES).reduce((all, byte) => all + byte, 0);
  entry.write(`${sum.toString(8).padStart(6, "0")}\0 `, CHECKSUM_AT);
}

async function* chunked(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.byteLength; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}
