/** The folders of the entries that a pack has: whichever entries of theirs were cut off, one that is left counts. */

import assert from "node:assert/strict";
import { PackFolders } from "../../../controller/output/pack_folders.ts";
import { type PackEnds, PackIndex } from "../../../controller/output/pack_index.ts";
import fc from "../../lib/properties.ts";
import { test } from "../../lib/test.ts";

const ENTRY_BYTES = 10;

const NAME = fc.constantFrom("a/x", "a/y", "a/b/x", "b/x", "ab/x", "a", "c");
/** An entry, or how many entries are left when a run begins and cuts the pack. */
const STEP = fc.oneof({ weight: 4, arbitrary: NAME }, fc.nat(6));

test("a folder counts as long as one entry in it has not been cut off", () => {
  fc.assert(fc.property(fc.array(STEP, { maxLength: 30 }), (steps) => {
    let entries: string[] = [];
    const file: PackEnds = { bytes: Infinity, endBefore: (bytes) => bytes };
    const index = new PackIndex(file);
    const folders = new PackFolders(index);
    for (const [at, step] of steps.entries()) {
      const packAt = entries.length * ENTRY_BYTES;
      if (typeof step === "number") {
        entries = entries.slice(0, step);
        index.onCut(entries.length * ENTRY_BYTES);
      } else {
        const end = index.onEntry(packAt, ENTRY_BYTES, at);
        folders.onEntry(step, end);
        entries.push(step);
      }
    }
    for (const folder of ["a", "a/b", "b", "ab", "c", "a/x"]) {
      assert.equal(folders.has(folder), entries.some((name) => name.startsWith(`${folder}/`)));
    }
  }));
});
