/** Folders are removed although something in them is protected, or is added meanwhile. */

import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Files } from "../../runtime/files/files.ts";
import { systemFiles } from "../../runtime/files/system_files.ts";
import { removeFolder, removeFolderSync } from "../../system/remove_folder.ts";
import { test } from "../lib/test.ts";

const DENIED = Object.assign(new Error("EACCES"), { code: "EACCES" });

/** Files that are removed only once `protectedFolder` may be written to, as the system treats users but root. */
function strict(protectedFolder: string): Files {
  const check = () => {
    if (!(statSync(protectedFolder).mode & 0o200)) throw DENIED;
  };
  return {
    ...systemFiles,
    remove: (path) => Promise.resolve().then(check).then(() => systemFiles.remove(path)),
    removeSync: (path) => (check(), systemFiles.removeSync(path)),
  };
}

for (const way of ["asynchronously", "synchronously"]) {
  test(`a folder in which nobody may write is removed ${way}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "dc-remove-"));
    const inner = join(folder, "a", "protected");
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, "file"), "x");
    chmodSync(inner, 0o555);
    if (way === "synchronously") removeFolderSync(strict(inner), folder);
    else assert.equal(await removeFolder(strict(inner), folder), undefined);
    assert(!existsSync(folder));
  });
}

test("a folder that cannot be removed is an error after a few attempts", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dc-remove-"));
  let attempts = 0;
  const files = { ...systemFiles, remove: () => (attempts++, Promise.reject(DENIED)) };
  assert.equal(await removeFolder(files, folder), DENIED);
  assert.equal(attempts, 10);
  rmSync(folder, { recursive: true });
});

test("a folder that cannot even be looked up is the error of that, and none of a process that exits", async () => {
  const files: Files = {
    ...systemFiles,
    infoSync: () => {
      throw DENIED;
    },
  };
  assert.equal(await removeFolder(files, "/gone"), DENIED);
  removeFolderSync(files, "/gone");
});

test("a folder to which something is added while it is removed is removed again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dc-remove-"));
  let attempts = 0;
  const files: Files = {
    ...systemFiles,
    remove: async (path) => {
      await systemFiles.remove(path);
      if (++attempts < 3) mkdirSync(path);
    },
  };
  assert.equal(await removeFolder(files, folder), undefined);
  assert.equal(attempts, 3);
});
