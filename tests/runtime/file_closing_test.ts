/** A file server may say only when a file is closed that it has not stored it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { detectRuntime } from "../../runtime/detect.ts";
import type { ClosingLibrary } from "../../runtime/files/closing_functions.ts";
import { openFileClosing } from "../../runtime/files/file_closing.ts";
import { isOnLocalDisk } from "../../runtime/files/local_disks.ts";
import { systemFiles } from "../../runtime/files/system_files.ts";
import { Workspace } from "../cli/workspace.ts";
import { missingStrace } from "../costs/system_calls.ts";
import { test, testUnless } from "../lib/test.ts";

const notLinux = process.platform === "linux" ? undefined : "this is about Linux";
const ENOSPC = 28;

testUnless(
  missingStrace(),
  "a file that cannot be closed is not written, whichever way it was written",
  async () => {
    await using workspace = await Workspace.make();
    const paths = ["create", "createSync", "append"].map((way) => workspace.at(way));
    const script = fileURLToPath(new URL("../fixtures/writes_files.ts", import.meta.url));
    const run = ["run", ...process.versions.bun ? [] : ["-A", "--quiet"], script, workspace.path];
    const failing = ["-e", "trace=close", "-e", "inject=close:error=ENOSPC"];
    const { stdout } = await promisify(execFile)("strace", [
      ...["-f", "-qq", "-o", "/dev/null", ...failing, ...paths.flatMap((path) => ["-P", path])],
      ...[process.execPath, ...run],
    ]);
    const [create = "", createSync, append = ""] = stdout.split("\n");
    assert.match(create, /^create: not all of it was stored, .* may be full/);
    assert.equal(createSync, "createSync: no space left on the disk, or no inodes (df -i)");
    assert.match(append, /^append: not all of it was stored, .* may be full/);
  },
);

testUnless(
  notLinux,
  "a close that fails in another thread is an error, with its reason if syncing tells it",
  async () => {
    await using workspace = await Workspace.make();
    const closed: number[] = [];
    const closing = openFileClosing(() => ({
      ...LIBRARY,
      fcntl: (fd) => fd + 1_000,
      closeInThread: (fd) => {
        closed.push(fd);
        return Promise.resolve(-1);
      },
    }))();
    const file = await open(workspace.at("a"), "wx");
    const { fd } = file;
    await assert.rejects(closing.close(file), { name: "NotStoredError" });
    assert.deepEqual(closed, [fd + 1_000]);
    assert.equal(file.fd, -1, "it is closed all the same");
    const full = Object.assign(new Error(), { code: "ENOSPC" });
    const telling = { fd: 1, datasync: () => Promise.reject(full), close: () => Promise.resolve() };
    await assert.rejects(closing.close(telling as never), { code: "ENOSPC" });
    assert.throws(() => closing.closeSync(1, "a"), { code: "ENOSPC" });
  },
);

test("where the C library cannot close files, they are synced before they are closed", async () => {
  const full = Object.assign(new Error(), { code: "ENOSPC" });
  const calls: string[] = [];
  const file = {
    datasync: () => (calls.push("datasync"), Promise.reject(full)),
    close: () => (calls.push("close"), Promise.resolve()),
  };
  const [none, noMoreDescriptors] = [undefined, { ...LIBRARY, fcntl: () => -1 }];
  for (const library of [none, noMoreDescriptors]) {
    calls.length = 0;
    const closing = openFileClosing(() => library)();
    await assert.rejects(closing.close(file as never), { code: "ENOSPC" });
    assert.deepEqual(calls, ["datasync", "close"]);
  }
});

testUnless(
  notLinux,
  "files are written the same way on a local disk and on any other",
  async () => {
    await using workspace = await Workspace.make();
    const { files } = await detectRuntime();
    const anywhere = [systemFiles, files];
    const local = await Promise.all(anywhere.map((those) => those.onDiskOf?.("/dev/shm")));
    for (const [index, those] of [...anywhere, ...local].entries()) {
      assert(those);
      const [a, b, c] = ["a", "b", "c"].map((name) => workspace.at(`${index}${name}`)) as [
        string,
        string,
        string,
      ];
      await those.create(a, "text", 0o600);
      those.createSync(b, new TextEncoder().encode("text"), 0o600);
      const file = await those.openToAppend(c, true, 0o600);
      await file.append(new TextEncoder().encode("text"));
      await file.close();
      for (const path of [a, b, c]) {
        assert.equal(await readFile(path, "utf8"), "text");
        const opened = await open(path, constants.O_RDONLY);
        assert.equal((await opened.stat()).mode & 0o777, 0o600);
        await opened.close();
      }
      await assert.rejects(those.create(a, "more"), { code: "EEXIST" });
      assert.throws(() => those.createSync(b, new Uint8Array(1)), { code: "EEXIST" });
      await those.create(workspace.at(`${index}d`), "");
    }
  },
);

testUnless(notLinux, "only disks that are known to be local count as such", async () => {
  assert.equal(await isOnLocalDisk("/dev/shm"), true);
  assert.equal(await isOnLocalDisk("/proc"), false);
  assert.equal(await isOnLocalDisk("/missing"), false);
  const { files } = await detectRuntime();
  assert.equal(await files.onDiskOf?.("/proc"), files);
  assert.notEqual(await files.onDiskOf?.("/dev/shm"), files);
});

const LIBRARY: ClosingLibrary = {
  areKept: false,
  close: () => -1,
  errno: () => ENOSPC,
  fcntl: (fd) => fd,
  closeInThread: () => Promise.resolve(0),
};
