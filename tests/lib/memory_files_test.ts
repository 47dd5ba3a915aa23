/** Disks in memory. */

import assert from "node:assert/strict";
import { MemoryDisk } from "./memory_files.ts";
import { test } from "./test.ts";

test("a folder in memory lists what is in it by name, the root too", () => {
  const disk = new MemoryDisk();
  disk.makeFolder("/one");
  disk.makeFolder("/one/two");
  assert.deepEqual(disk.list("/"), ["one"]);
  assert.deepEqual(disk.list("/one"), ["two"]);
});

test("a disk in memory that does not tell upper from lower case keeps the name that was first", async () => {
  const disk = new MemoryDisk();
  disk.ignoresCase = true;
  const { files } = disk;
  await files.makeFolder("/One");
  await files.create("/one/A", "first");
  await assert.rejects(files.create("/ONE/a", ""), { code: "EEXIST" });
  await files.create("/one/new", "second");
  await files.rename("/ONE/NEW", "/one/a");
  assert.deepEqual(disk.paths, ["/One/A"]);
  assert.equal(disk.text("/oNe/a"), "second");
  assert.deepEqual(await files.list("/ONE"), ["A"]);
  await files.unlink("/one/a");
  assert.deepEqual(disk.paths, []);
});
