/** The folders of the entries that a pack has. */

import assert from "node:assert/strict";
import { PackFolders } from "../../../controller/output/pack/pack_folders.ts";
import fc from "../../lib/properties.ts";
import { test } from "../../lib/test.ts";

const NAME = fc.constantFrom("a/x", "a/y", "a/b/x", "b/x", "ab/x", "a", "c");

test("a folder counts if an entry is in it", () => {
  fc.assert(fc.property(fc.array(NAME, { maxLength: 10 }), (names) => {
    const folders = new PackFolders();
    for (const name of names) folders.onEntry(name);
    for (const folder of ["a", "a/b", "b", "ab", "c", "a/x"]) {
      assert.equal(folders.has(folder), names.some((name) => name.startsWith(`${folder}/`)));
    }
  }));
});
