/** Which paths are inside a folder, and which outputs would overwrite their inputs. */

import assert from "node:assert/strict";
import { isInside, nameOfListed } from "../../../controller/inputs/paths.ts";
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
