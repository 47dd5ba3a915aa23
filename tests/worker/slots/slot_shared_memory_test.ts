/** What a worker says where it cannot make the memory that it shares with a slot. */

import assert from "node:assert/strict";
import { SlotSharedMemory } from "../../../worker/slots/transport/slot_shared_memory.ts";
import type { Files } from "../../../runtime/files/files.ts";
import { test } from "../../lib/test.ts";

test("only an error of the file system is one of the temporary folder", () => {
  const problems = [
    [
      { code: "ENOSPC" },
      'cannot write to its temporary folder "/tmp/w": no space left on the disk, or no inodes (df -i); set another TMPDIR',
    ],
    [
      { code: "EFBIG" },
      'cannot write to its temporary folder "/tmp/w": it is larger than a file may be here (see ulimit -f)',
    ],
    [{ code: "ENOENT" }, 'its temporary folder "/tmp/w" is gone; restart this worker'],
    [{}, "the C library is missing"],
  ] as const;
  for (const [error, message] of problems) {
    const createSync = () => {
      throw Object.assign(new Error("the C library is missing"), error);
    };
    const files = { createSync } as unknown as Files;
    assert.throws(() => new SlotSharedMemory(files, "/tmp/w/slot", 1), { message });
  }
});
