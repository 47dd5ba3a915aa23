/** The identities of contents in a tar. */

import assert from "node:assert/strict";
import { openContentHash } from "../../../controller/inputs/tar/content_hash.ts";
import { test } from "../../lib/test.ts";
import { Turns } from "../../lib/turns.ts";

test("an identity has the size and the XXH64 of a content, however large it is", async () => {
  const hash = await openContentHash();
  assert.equal(hash(new Uint8Array(0)), "xxh64-0-ef46db3751d8e999");
  assert.equal(hash(new TextEncoder().encode("a")), "xxh64-1-d24ec4f1a98c6e5b");
  const large = new Uint8Array(5 * 1024 * 1024 + 1).map((_, at) => at);
  const whole = await hash(large);
  assert.match(whole, /^xxh64-5242881-[0-9a-f]{16}$/);
  assert.equal(await hash(large.slice()), whole);
  for (const at of [0, 2 ** 21, 2 ** 22, large.byteLength - 1]) {
    const changed = large.slice();
    changed[at] = 1 + (changed[at] as number);
    assert.notEqual(await hash(changed), whole, `a change at ${at}`);
  }
});

test("other work goes on while a large content is hashed", async () => {
  const hash = await openContentHash();
  const turns = new Turns();
  await hash(new Uint8Array(32 * 1024 * 1024));
  turns.stop();
  assert(turns.count >= 2, `${turns.count} turns`);
});
