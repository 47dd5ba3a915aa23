/** Where a process may keep its sockets and cores. */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isNoexec, makeTemporaryFolder } from "../../system/temporary_folder.ts";
import { test } from "../lib/test.ts";
import { systemFiles } from "../../runtime/files/system_files.ts";

/** The path of a socket has 103 bytes at most, 16 of them for its name, and 15 for that of the folder. */
const LONGEST_PARENT_BYTES = 103 - "/distcomp-XXXXXX/".length - 16;

const MOUNTS = [
  "/dev/sda1 / ext4 rw,relatime 0 0",
  "tmpfs /tmp tmpfs rw,nosuid,noexec 0 0",
  "tmpfs /tmp/build tmpfs rw 0 0",
  "tmpfs /with\\040space tmpfs noexec,rw 0 0",
  "tmpfs /twice tmpfs noexec 0 0",
  "tmpfs /twice tmpfs rw 0 0",
  "",
].join("\n");

test("a folder is noexec if the innermost mount that it lies on is", () => {
  const noexec = ["/tmp", "/tmp/a/b", "/with space/x"];
  const fine = ["/", "/home", "/tmpx", "/tmp/build", "/tmp/build/deep", "/with", "/twice/x"];
  assert.deepEqual(noexec.map((folder) => isNoexec(folder, MOUNTS)), noexec.map(() => true));
  assert.deepEqual(fine.map((folder) => isNoexec(folder, MOUNTS)), fine.map(() => false));
});

test("no folder is noexec where the mounts are unknown", () => {
  assert.equal(isNoexec("/tmp", ""), false);
});

test("a folder is made where the path of a socket in it is just short enough, and elsewhere if it is too long", async () => {
  const root = await mkdtemp(join(await realpath(tmpdir()), "dc-"));
  try {
    for (
      const [bytes, isThere] of [[LONGEST_PARENT_BYTES, true], [
        LONGEST_PARENT_BYTES + 1,
        false,
      ]] as const
    ) {
      const parent = join(root, "x".repeat(bytes - root.length - 1));
      assert.equal(parent.length, bytes);
      await mkdir(parent);
      const folder = await makeTemporaryFolder(systemFiles, parent);
      assert.equal(dirname(folder) === parent, isThere);
      await rm(folder, { recursive: true });
    }
  } finally {
    await rm(root, { recursive: true });
  }
});
