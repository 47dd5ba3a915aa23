/** Where a process may keep its sockets and cores. */

import assert from "node:assert/strict";
import { isNoexec } from "../../system/temporary_folder.ts";
import { test } from "../lib/test.ts";

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
