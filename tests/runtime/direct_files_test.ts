/** Small files by direct calls of the C library: contents, names, folders and errors. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { Buffer } from "node:buffer";
import { closeSync, constants, openSync } from "node:fs";
import { appendFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { detectRuntime } from "../../runtime/detect.ts";
import { Workspace } from "../cli/workspace.ts";
import { testUnless } from "../lib/test.ts";

const { direct } = (await detectRuntime()).files;
const missing = direct ? undefined : "this system has no direct files";
const files = direct!;

/** A file of this name cannot be written in UTF-8: `caf\xe9`. */
const LATIN1 = "caf\udce9";

testUnless(
  missing,
  "contents are read whole, whatever their size, and keep their bytes",
  async () => {
    await using workspace = await Workspace.make();
    const sizes = [0, 1, 6, 4_095, 4_096, 4_097, 65_536, 1_000_000];
    const contents = sizes.map((size, index) => new Uint8Array(size).fill(index + 1));
    const read: Uint8Array[] = [];
    for (const [index, content] of contents.entries()) {
      const path = await workspace.write(`in/${index}`, content);
      const found = files.content(path, content.byteLength);
      assert(found);
      read.push(found);
    }
    // Small ones share memory, and none is overwritten by the next.
    for (let more = 0; more < 100; more++) files.content(workspace.at("in/4"), 4_096);
    assert.deepEqual(
      read.map((bytes) => Buffer.from(bytes)),
      contents.map((one) => Buffer.from(one)),
    );
  },
);

testUnless(
  missing,
  "a content is in memory that is lent, and is no longer than its file",
  async () => {
    await using workspace = await Workspace.make();
    const path = await workspace.write("a", "text");
    const room = new Uint8Array(100).fill(1);
    const memory = { take: (bytes: number) => bytes < 100 ? room.subarray(0, bytes) : undefined };
    const content = files.content(path, 4, memory);
    assert.equal(content?.buffer, room.buffer);
    assert.equal(Buffer.from(content ?? []).toString(), "text");
    await writeFile(path, "t".repeat(100));
    assert.equal(files.content(path, 100, memory)?.byteLength, 100); // with none of this size, it gets its own
  },
);

testUnless(missing, "a file that has another size by now is not read", async () => {
  await using workspace = await Workspace.make();
  const path = await workspace.write("a", "text");
  await appendFile(path, "more");
  assert.equal(files.content(path, 4), undefined);
  await writeFile(path, "t");
  assert.equal(files.content(path, 4), undefined);
  assert.equal(files.content("/proc/self/status", 0), undefined, "its size is said to be 0");
});

testUnless(missing, "a pipe is not waited for", async () => {
  await using workspace = await Workspace.make();
  execFileSync("mkfifo", [workspace.at("pipe")]);
  assert.equal(files.target(workspace.at("pipe")).kind, "other");
  assert.equal(files.content(workspace.at("pipe"), 4), undefined);
});

testUnless(
  missing,
  "files are created once, renamed, and have their names, also if they are not UTF-8",
  async () => {
    await using place = await Place.make();
    const { folder, workspace } = place;
    for (const name of ["a", "ä € 𝄞", LATIN1, "x".repeat(255)]) {
      const content = Buffer.from(`of ${name.length}`);
      files.create(folder, name, content);
      assert.throws(() => files.create(folder, name, content), { code: "EEXIST" });
      assert.equal(files.fileBytes(folder, name), content.byteLength);
      files.rename(folder, name, folder, "renamed");
      assert.equal(files.fileBytes(folder, name), undefined);
      assert.equal(await readFile(workspace.at("renamed"), "utf8"), `of ${name.length}`);
    }
    files.create(folder, LATIN1, new Uint8Array(0));
    const names = (await Array.fromAsync(files.entries(workspace.path))).flat();
    assert.deepEqual(new Set(names.map(({ name }) => name)), new Set(["renamed", LATIN1]));
    assert.equal(files.target(`${workspace.path}/${LATIN1}`).bytes, 0);
  },
);

testUnless(missing, "a link is neither written through nor followed below a folder", async () => {
  await using place = await Place.make();
  await place.workspace.write("elsewhere/file", "kept");
  await symlink("elsewhere/file", place.workspace.at("link"));
  assert.throws(() => files.create(place.folder, "link", Buffer.from("x")), { code: "EEXIST" });
  assert.equal(files.fileBytes(place.folder, "link"), undefined);
  assert.equal(await readFile(place.workspace.at("elsewhere/file"), "utf8"), "kept");
});

testUnless(missing, "errors have the codes of node:fs", async () => {
  await using place = await Place.make();
  const { folder, workspace } = place;
  await workspace.write("file", "");
  await mkdir(workspace.at("folder"));
  const bytes = new Uint8Array(1);
  const errors: [string, () => unknown][] = [
    ["ENOENT", () => files.target(workspace.at("missing"))],
    ["ENOTDIR", () => files.target(workspace.at("file/below"))],
    ["ENOENT", () => files.content(workspace.at("missing"), 1)],
    ["EISDIR", () => files.content(workspace.at("folder"), 1)],
    ["ENOENT", () => files.create(folder, "missing/file", bytes)],
    ["ENAMETOOLONG", () => files.create(folder, "x".repeat(256), bytes)],
    ["ENAMETOOLONG", () => files.create(folder, "x/".repeat(3_000), bytes)],
    ["EINVAL", () => files.create(folder, "a\0b", bytes)],
    ["ENOENT", () => files.rename(folder, "missing", folder, "new")],
    ["EISDIR", () => files.rename(folder, "file", folder, "folder")],
  ];
  for (const [code, act] of errors) assert.throws(act, { code }, code);
  await assert.rejects(Array.fromAsync(files.entries(workspace.at("missing"))), { code: "ENOENT" });
  await assert.rejects(Array.fromAsync(files.entries(workspace.at("file"))), { code: "ENOTDIR" });
});

testUnless(
  missing,
  "a folder of thousands of names is listed some at a time, each name once",
  async () => {
    await using place = await Place.make();
    const names = Array.from({ length: 5_000 }, (_, index) => `a rather long name ${index}`);
    for (const name of names) files.create(place.folder, name, new Uint8Array(0));
    const chunks = await Array.fromAsync(files.entries(place.workspace.path));
    assert(chunks.length > 1 && chunks.every((chunk) => chunk.length < 2_000));
    const all = chunks.flat();
    assert.deepEqual(new Set(all.map(({ name }) => name)), new Set(names));
    assert.equal(all.length, names.length);
    assert(all.every(({ kind }) => kind === "file"));
  },
);

/** A folder that is open. */
class Place implements AsyncDisposable {
  private constructor(readonly workspace: Workspace, readonly folder: number) {}

  static async make(): Promise<Place> {
    const workspace = await Workspace.make();
    return new Place(workspace, openSync(workspace.path, constants.O_RDONLY));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeSync(this.folder);
    await this.workspace[Symbol.asyncDispose]();
  }
}
