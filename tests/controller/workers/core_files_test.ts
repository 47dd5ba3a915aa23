/** What travels with a core, and where it is put beside it. */

import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { filesBeside, type Layout } from "../../../controller/workers/core_files.ts";
import { coreImage, readCoreImage } from "../../../controller/workers/core_image.ts";
import { sha256Of } from "../../../system/sha256.ts";
import { Workspace } from "../../cli/workspace.ts";
import { core } from "../../lib/cores.ts";
import { test } from "../../lib/test.ts";

const ECHO = await core("echo");
const NO_LIBRARY = new Uint8Array(0);

/** What is beside the core `bin/core.so` of a workspace. */
function beside(workspace: Workspace, ...named: string[]): Promise<Layout> {
  const files = named.map((file) => workspace.at(file));
  return filesBeside(workspace.at("bin/core.so"), NO_LIBRARY, files);
}

test("without files the layout is empty", async () => {
  await using workspace = await Workspace.make();
  assert.deepEqual(await beside(workspace), { path: "", files: [] });
});

test("a named file is beside the core under its own name, with its size and SHA-256", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("data/weights.bin", "some text");
  const digest = sha256Of(new TextEncoder().encode("some text"));
  assert.deepEqual(await beside(workspace, "data/weights.bin"), {
    path: "core.so",
    files: [{ file, path: "weights.bin", digest, bytes: 9 }],
  });
});

test("a named folder is beside the core with everything in and below it, whatever its path here", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "far/tables/b": "", "far/tables/deep/a": "", "far/other": "" });
  const { files } = await beside(workspace, "far/tables/");
  assert.deepEqual(files.map(({ path }) => path), ["tables/b", "tables/deep/a"]);
});

test("the core itself may be among the named files, and is no file beside it", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "bin/core.so": "core", "bin/data": "text" });
  const { path, files } = await beside(workspace, "bin/core.so", "bin/data");
  assert.deepEqual([path, files.map((file) => file.path)], ["core.so", ["data"]]);
});

test("the same file, named twice, is there once", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("data", "text");
  assert.equal((await beside(workspace, "data", "data")).files.length, 1);
});

test("what cannot be put beside the core is refused with its name and the reason", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "a/data": "1", "b/data": "2", "c/core.so": "" });
  await assert.rejects(
    beside(workspace, "none"),
    /Cannot send ".*none" .*: no such file or folder/,
  );
  await assert.rejects(
    beside(workspace, "a/data", "b/data"),
    /a\/data" would be in the same place/,
  );
  await assert.rejects(beside(workspace, "c/core.so"), /it has the name of the core/);
  await assert.rejects(
    filesBeside(workspace.at("core.so"), NO_LIBRARY, ["/dev/null"]),
    /"\/dev\/null" .*: it is neither a file nor a folder/,
  );
});

test("links are followed, and folders that contain themselves are refused", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("data/one", "text");
  await symlink("one", workspace.at("data/link"));
  const { files } = await beside(workspace, "data");
  assert.deepEqual(files.map(({ path, bytes }) => [path, bytes]), [
    ["data/link", 4],
    ["data/one", 4],
  ]);
  for (const name of ["x", "y"]) await symlink("..", workspace.at(`data/${name}`));
  await assert.rejects(beside(workspace, "data"), /Cannot send ".*" .*: it contains itself/);
});

test("a folder without a file is refused, also if there are folders in it", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at("empty/deep"), { recursive: true });
  await assert.rejects(beside(workspace, "empty"), /Cannot send ".*empty" .*: it has no file$/);
});

test("the key of a core alone is its SHA-256, and any variable, value, file or place changes it", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "a/data": "1", "b/data": "2", "a/other": "1" });
  const keyOf = async (named: readonly string[], variables = {}) => {
    const files = named.map((file) => workspace.at(file));
    return (await readCoreImage(ECHO, true, { beside: files, variables })).key;
  };
  const bare = await readCoreImage(ECHO, true);
  assert.equal(bare.key, sha256Of(bare.content));
  const keys = [
    await keyOf([]),
    await keyOf([], { A: "1" }),
    await keyOf([], { A: "2" }),
    await keyOf([], { B: "1" }),
    await keyOf(["a/data"]),
    await keyOf(["b/data"]),
    await keyOf(["a/other"]),
    await keyOf(["a/data"], { A: "1" }),
  ];
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(await keyOf(["a/data"]), keys[4]);
});

test("the order of variables does not change the key", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const key = coreImage("core", bytes, { A: "1", B: "2" }).key;
  assert.equal(coreImage("core", bytes, { B: "2", A: "1" }).key, key);
  assert.throws(
    () => coreImage("core", bytes, { DISTCOMP_SLOT: "1" }),
    /DISTCOMP_SLOT cannot be set/,
  );
});
