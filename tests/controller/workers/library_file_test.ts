/** What libraries say of themselves, read from files of any size. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, truncate } from "node:fs/promises";
import process from "node:process";
import { libraryAt, libraryIn } from "../../../controller/workers/library_file.ts";
import { originLibraries } from "../../../core/origin_libraries.ts";
import { Workspace } from "../../cli/workspace.ts";
import { core } from "../../lib/cores.ts";
import { coreSource, Libraries } from "../../lib/libraries.ts";
import { test, testUnless } from "../../lib/test.ts";

const notLinux = process.platform === "linux" ? undefined : "its libraries are not ELF";

test("a file and its content say the same", async () => {
  const file = await core("echo");
  const library = await libraryIn(new Uint8Array(await readFile(file)));
  assert.deepEqual(await libraryAt(file), { library });
  assert.equal(library !== undefined, notLinux === undefined);
});

testUnless(notLinux, "a library that does not fit into memory comes along", async () => {
  await using libraries = await Libraries.make();
  const helper = await libraries.build("libhelper.so", "int helper(void) { return 0; }");
  const file = await libraries.build(
    "core.so",
    coreSource("return helper();", "int helper(void);"),
    `-L${libraries.path}`,
    "-l:libhelper.so",
    "-Wl,-rpath,$ORIGIN",
  );
  await truncate(helper, 100 * 2 ** 30); // a sparse file
  const { library } = await libraryAt(file) ?? {};
  assert.deepEqual(await originLibraries(file, library, libraryAt), [helper]);
});

test("what is no file is no library, and any other file is none that is known", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at("folder"));
  execFileSync("mkfifo", [workspace.at("pipe")]);
  for (const name of ["folder", "pipe", "none"]) {
    assert.equal(await libraryAt(workspace.at(name)), undefined, name);
  }
  for (const text of ["", "text"]) {
    const file = await workspace.write("file", text);
    assert.deepEqual(await libraryAt(file), { library: undefined });
  }
});
