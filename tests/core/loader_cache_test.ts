/** The cache of the loader: this machine's, made ones, and damaged ones. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import { parseLoaderCache } from "../../core/loader_cache.ts";
import fc from "../lib/properties.ts";
import { test, testUnless } from "../lib/test.ts";

const PATH = "/etc/ld.so.cache";
const noCache = existsSync(PATH) ? undefined : `has no ${PATH}`;

const LIBRARIES = [
  ["libone.so.1", "/lib/libone.so.1"],
  ["libtwo.so", "/opt/libtwo.so"],
  ["libone.so.1", "/lib32/libone.so.1"],
] as const;

testUnless(noCache, "the cache of this machine has its C library", () => {
  const cache = parseLoaderCache(readFileSync(PATH), os.endianness() === "LE");
  assert(cache?.get("libc.so.6")?.every(existsSync));
});

for (const isOld of [false, true]) {
  test(`a cache ${isOld ? "behind one of the older format" : "of the newer format"} is read`, () => {
    const cache = parseLoaderCache(cacheFile(isOld), true);
    assert.deepEqual(Object.fromEntries(cache ?? []), {
      "libone.so.1": ["/lib/libone.so.1", "/lib32/libone.so.1"],
      "libtwo.so": ["/opt/libtwo.so"],
    });
  });

  test(`a ${isOld ? "double" : "single"} cache with any damage is read, or has an unknown format`, () => {
    const content = cacheFile(isOld);
    const anyPlace = fc.nat(content.byteLength);
    fc.assert(fc.property(anyPlace, fc.uint8Array({ maxLength: 8 }), (at, damage) => {
      const copy = content.slice();
      copy.set(damage.subarray(0, copy.byteLength - at), at);
      parseLoaderCache(copy, true);
      parseLoaderCache(copy.subarray(0, at), true);
    }));
  });
}

test("any other file has an unknown format", () => {
  for (const text of ["", "ld.so-1.7.0", "glibc-ld.so.cache1.0", "text"]) {
    assert.equal(parseLoaderCache(new TextEncoder().encode(text), true), undefined);
  }
});

function cacheFile(isOld: boolean): Uint8Array<ArrayBuffer> {
  const before = isOld ? 32 : 0; // a header, an entry, and what aligns to 8
  const strings = new TextEncoder().encode(
    LIBRARIES.map((pair) => `${pair.join("\0")}\0`).join(""),
  );
  const stringsAt = 48 + LIBRARIES.length * 24;
  const file = new Uint8Array(before + stringsAt + strings.byteLength);
  const view = new DataView(file.buffer);
  if (isOld) {
    file.set(new TextEncoder().encode("ld.so-1.7.0"));
    view.setUint32(12, 1, true);
  }
  file.set(new TextEncoder().encode("glibc-ld.so.cache1.1"), before);
  view.setUint32(before + 20, LIBRARIES.length, true);
  let nameAt = stringsAt;
  for (const [index, [name, path]] of LIBRARIES.entries()) {
    const at = before + 48 + index * 24;
    view.setUint32(at + 4, nameAt, true);
    view.setUint32(at + 8, nameAt + name.length + 1, true);
    nameAt += name.length + path.length + 2;
  }
  file.set(strings, before + stringsAt);
  return file;
}
