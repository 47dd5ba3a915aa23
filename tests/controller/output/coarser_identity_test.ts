/** Identities of files from runs that knew less about a file. */

import assert from "node:assert/strict";
import { coarserIdentities } from "../../../controller/output/coarser_identity.ts";
import { test } from "../../lib/test.ts";

const OLD = "file-9-1700000000123-66e1b9e8";

test("a file's exact identity is also known without the digits of its last change, and without it", () => {
  assert.deepEqual(coarserIdentities(`${OLD}-1700000004.062500000`), [`${OLD}-1700000004`, OLD]);
  assert.deepEqual(coarserIdentities(`${OLD}-1700000004`), [OLD]);
  const before1970 = "file-9--123-66e1b9e8";
  assert.deepEqual(coarserIdentities(`${before1970}-1700000004`), [before1970]);
});

test("no other identity has a coarser one", () => {
  for (const identity of [OLD, "data-9-00112233445566778899aabbccddeeff", "number", ""]) {
    assert.deepEqual(coarserIdentities(identity), []);
  }
});
