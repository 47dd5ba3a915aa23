/** Which paths are inside a folder, and which outputs would overwrite their inputs. */

import assert from "node:assert/strict";
import { mkdir, realpath, symlink } from "node:fs/promises";
import { isInside, nameOfListed, realPath } from "../../../controller/inputs/paths.ts";
import { detectRuntime } from "../../../runtime/detect.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";

test("a path is inside a folder if it is below it, not if their names only begin alike", () => {
  const inside = [["/a/b/c", "/a/b"], ["/a/b/c/d", "/a/b"], ["/a", "/"]] as const;
  const outside = [["/a/bc", "/a/b"], ["/a/b", "/a/b"], ["/a", "/a/b"], [
    "/b/a/b",
    "/a/b",
  ]] as const;
  assert.deepEqual(inside.map(([path, folder]) => isInside(path, folder)), [true, true, true]);
  assert.deepEqual(outside.filter(([path, folder]) => isInside(path, folder)), []);
});

test("a listed file is named from here, and from the root if it is elsewhere", () => {
  assert.equal(nameOfListed("a/./b"), "a/b");
  assert.equal(nameOfListed("..a/b"), "..a/b");
  assert.equal(nameOfListed("/nowhere/else"), "nowhere/else");
  assert.equal(nameOfListed("../../../../../../../../../x"), "x");
});

test("links are followed also to what is missing, as a file that is written through them comes to be there", async () => {
  await using workspace = await Workspace.make();
  const { files } = await detectRuntime();
  await mkdir(workspace.at("a/b"), { recursive: true });
  const links = {
    "one": "a/new",
    "two": "one",
    "absolute": workspace.at("one"),
    "folder": "a/b",
    "up": "folder/../new", // above the target of the link
    "a/beside": "new",
    "gone": "nowhere/new",
    "itself": "itself",
    "round": "round/round",
  };
  for (const [link, text] of Object.entries(links)) await symlink(text, workspace.at(link));
  const root = await realpath(workspace.path);
  const expected = {
    "one": "a/new",
    "two": "a/new",
    "absolute": "a/new",
    "up": "a/new",
    "folder/../new": "a/new",
    "a/beside": "a/new",
    "folder/new": "a/b/new",
    "gone": "nowhere/new",
    "gone/more": "nowhere/new/more",
    "itself": "itself",
    "missing/../one": "a/new",
  };
  for (const [path, place] of Object.entries(expected)) {
    assert.equal(await realPath(files, `${workspace.path}/${path}`), `${root}/${place}`, path);
  }
  await realPath(files, workspace.at("round")); // it leads nowhere, and that ends
});
