/** The SHA-256 of files. */

import assert from "node:assert/strict";
import { hashesOf, withOpenFile } from "../../system/file_hash.ts";
import { sha256Of } from "../../system/sha256.ts";
import { MemoryDisk } from "../lib/memory_files.ts";
import { test } from "../lib/test.ts";

test("a file is hashed with its beginning, wherever that ends", async () => {
  const disk = new MemoryDisk();
  const content = new Uint8Array(3_000_000).map((_, index) => index * 31 >> 3);
  await disk.files.create("/large", content);
  const hashes = (start: number) =>
    withOpenFile(disk.files, "/large", (file) => hashesOf(file, content.length, start));
  for (const start of [0, 1, 1024 * 1024, 1024 * 1024 + 1, 2_999_999, 3_000_000]) {
    assert.deepEqual(await hashes(start), {
      whole: sha256Of(content),
      start: sha256Of(content.subarray(0, start)),
      bytes: 3_000_000,
    });
  }
  assert.equal((await hashes(3_000_001)).start, "", "it is not that long");
});

test("what is added to a file while it is hashed does not count", async () => {
  const disk = new MemoryDisk();
  await disk.files.create("/log", "some text, and more");
  const { whole, bytes } = await withOpenFile(
    disk.files,
    "/log",
    (file) => hashesOf(file, "some text".length),
  );
  assert.deepEqual([whole, bytes], [sha256Of(new TextEncoder().encode("some text")), 9]);
});
