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
