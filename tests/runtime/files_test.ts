/** Times and sizes of files, as both runtimes see them. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { execFileSync, spawnSync } from "node:child_process";
import { statfs, symlink, truncate, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import process from "node:process";
import { detectRuntime } from "../../runtime/detect.ts";
import { Workspace } from "../cli/workspace.ts";
import { test, testUnless } from "../lib/test.ts";

const { files } = await detectRuntime();
const notLinux = process.platform === "linux" ? undefined : "stat of other systems is another";

testUnless(notLinux, "the time of a file's last change is known to the nanosecond", async () => {
  await using workspace = await Workspace.make();
  const path = await workspace.write("a", "text");
  const printed = execFileSync("stat", ["-c", "%.9Z %s", path]).toString().trim();
  const { changedAt, bytes } = await files.target(path);
  assert.equal(`${changedAt} ${bytes}`, printed);
});

test("links are followed to a target, and sizes and times of any range are right", async () => {
  await using workspace = await Workspace.make();
  const path = await workspace.write("a", "");
  await truncate(path, 5 * 2 ** 32 + 7);
  await symlink("a", workspace.at("link"));
  for (const time of [-1_500, 1_700_000_000_123, 5_000_000_000_000]) {
    await utimes(path, new Date(0), new Date(time));
    const { kind, bytes, modifiedAtMs } = await files.target(workspace.at("link"));
    assert.deepEqual([kind, bytes, Math.floor(modifiedAtMs)], ["file", 5 * 2 ** 32 + 7, time]);
  }
  assert.equal((await files.target(workspace.path)).kind, "folder");
  await assert.rejects(files.target(workspace.at("missing")), { code: "ENOENT" });
  await assert.rejects(files.target(workspace.at("a/below")), { code: "ENOTDIR" });
});

testUnless(
  notLinux,
  "a pipe, a device or a folder is not opened as a file, and nobody waits for it",
  async () => {
    await using workspace = await Workspace.make();
    const makes = `mkfifo pipe "$(printf 'caf\\351')"`;
    execFileSync("sh", ["-c", makes], { cwd: workspace.path });
    const pipes = ["pipe", "caf\udce9"].map((name) => `${workspace.path}/${name}`);
    for (const path of [...pipes, "/dev/zero", workspace.path]) {
      await assert.rejects(files.openToRead(path), /it is not a file/, path);
    }
  },
);

test("a folder's entries are files, folders, links and others", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "d/a": "", "d/e/f": "", "d/\ufffd": "" });
  await symlink("a", workspace.at("d/link"));
  const entries = (await Array.fromAsync(files.entries(workspace.at("d")))).flat();
  assert.deepEqual(Object.fromEntries(entries.map(({ name, kind }) => [name, kind])), {
    a: "file",
    e: "folder",
    link: "link",
    "\ufffd": "file",
  });
});

test("parts of any size are appended in full and in order, also to a file that is emptied", async () => {
  await using workspace = await Workspace.make();
  const path = await workspace.write("a", "before");
  const parts = [10, 200_000, 64 * 1024, 1].map((bytes, index) =>
    new Uint8Array(bytes).fill(index)
  );
  for (const [isEmptied, before] of [[false, "before"], [true, ""]] as const) {
    const file = await files.openToAppend(path, isEmptied);
    for (const part of parts) await file.append(part);
    await file.appendAll?.(parts);
    await file.close();
    const again = file.appendAll ? parts : [];
    const expected = Buffer.concat([Buffer.from(before), ...parts, ...again]);
    assert(Buffer.from(await files.content(path)).equals(expected));
  }
});

testUnless(
  notLinux ?? await whyNotCached(),
  "what is taken out of the system's memory stays in the file",
  async () => {
    await using workspace = await Workspace.make();
    const path = workspace.at("a");
    const content = new Uint8Array(4 * 1024 * 1024).fill(42);
    const file = await files.openToAppend(path, true);
    await file.append(content);
    await file.datasync();
    assert.equal(cachedBytes(path), content.byteLength);
    await file.uncache?.(0, content.byteLength);
    assert(cachedBytes(path) < content.byteLength / 2);
    await file.close();
    assert(Buffer.from(content).equals(await files.content(path)));
  },
);

testUnless(
  notLinux,
  "a part that a full disk does not take is an error, whatever its size",
  async () => {
    for (const bytes of [10, 200_000]) {
      const file = await files.openToAppend("/dev/full", false);
      const part = new Uint8Array(bytes);
      await assert.rejects(file.append(part), { code: "ENOSPC" });
      if (file.appendAll) await assert.rejects(file.appendAll([part, part]), { code: "ENOSPC" });
      await file.close();
    }
  },
);

function cachedBytes(path: string): number {
  return Number(execFileSync("fincore", ["--bytes", "--noheadings", "--output=RES", path]));
}

/** Why it cannot be seen what the system has in memory of a file. */
async function whyNotCached(): Promise<string | undefined> {
  const TMPFS = 0x01021994;
  if ((await statfs(tmpdir())).type === TMPFS) return "temporary files are always in memory";
  return spawnSync("fincore", ["--version"]).status === 0 ? undefined : "there is no fincore";
}
