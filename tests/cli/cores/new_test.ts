/** `distcomp new` writes projects, and never over what is there. */

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { LANGUAGES } from "../../../cli/cores/languages.ts";
import { TEMPLATES } from "../../../templates/templates.ts";
import { page } from "../../lib/pages.ts";
import { test } from "../../lib/test.ts";
import { Workspace } from "../workspace.ts";

test("new writes a project in each language, and says what to type next", async () => {
  assert.deepEqual(Object.keys(TEMPLATES), [...LANGUAGES], "its help names them");
  await using workspace = await Workspace.make();
  for (const [key, { source }] of Object.entries(TEMPLATES)) {
    const made = await workspace.run(["new", key, `my-${key}`]);
    assert.deepEqual([made.code, made.stderr], [0, ""]);
    assert(made.stdout.includes(`\n  make -C my-${key} `), made.stdout);
    assert(made.stdout.includes(` run my-${key}/my-${key}.so my-${key}/inputs/\n`), made.stdout);
    assert.match(made.stdout, / # needs make(, [^,]+)*,? and /);
    const files = await workspace.outputs(`my-${key}`);
    for (const path of [source, "Makefile", "README.md", ".gitignore", "inputs/a.txt"]) {
      assert(path in files, `${key} has ${path}`);
    }
    assert.equal(files["distcomp.h"], page("include/distcomp.h"));
    for (const [path, text] of Object.entries(files)) {
      assert(!/\{\{|\}\}/.test(text), `${key}/${path} has a placeholder`);
    }
    assert.match(files["Makefile"] as string, new RegExp(`^my-${key}\\.so:`, "m"));
  }
});

test("new writes into an empty folder, and leaves any other as it is", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at("empty"));
  await workspace.writeAll({ "full/core.c": "mine", "file": "mine" });
  assert.equal((await workspace.run(["new", "c", "empty"])).code, 0);
  const refused: [string, string][] = [
    ["empty", 'The folder "empty" is not empty; choose another name'],
    ["full", 'The folder "full" is not empty; choose another name'],
    ["file", 'Cannot make the folder "file": there is a file of that name'],
  ];
  const runs = await workspace.runEach(refused, ([name]) => ["new", "cpp", name]);
  for (const [[, message], { code, stderr, stdout }] of runs) {
    assert.deepEqual([code, stderr, stdout], [2, `distcomp: ${message}\n`, ""]);
  }
  assert.deepEqual(await workspace.outputs("full"), { "core.c": "mine" });
  assert.equal(await readFile(workspace.at("file"), "utf8"), "mine");
});

test("new refuses a language or a name that it cannot use, and writes nothing", async () => {
  await using workspace = await Workspace.make();
  const names = ["", "a/b", "../a", "1st", "-o", "a b", "ä", "x".repeat(65), ".", "a.so"];
  const runs = await workspace.runEach(names, (name) => ["new", "c", "--", name]);
  for (const [name, { code, stderr }] of runs) {
    assert.equal(code, 2, name);
    assert.match(stderr, /^distcomp: Cannot call a project ".*": a name has at most 64 letters,/);
  }
  const { code, stderr } = await workspace.run(["new", "cobol", "sum"]);
  assert.equal(code, 2);
  assert.match(stderr, /^distcomp: Unknown language "cobol"; it is one of c, cpp, rust, go, zig,/);
  assert.equal((await workspace.run(["new", "constructor", "sum"])).code, 2);
  assert.equal((await workspace.run(["new", "c"])).code, 2);
  assert.deepEqual(await workspace.outputs("."), {});
});
