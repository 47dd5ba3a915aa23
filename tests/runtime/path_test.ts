/** Paths with names of any bytes. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import posix from "node:path";
import process from "node:process";
import { bytesOfName, nameOfBytes } from "../../runtime/files/file_name.ts";
import { basename, dirname, join, normalize, relative, resolve } from "../../runtime/files/path.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";

/** A path, as text that has one character for each byte. */
const PATH = fc.array(
  fc.constantFrom("/", "..", ".", "a", "\xe9", "\xc3\xa9", "\xed\xa0\x80", "\xff"),
)
  .map((parts) => parts.join(""));

test("a path of any bytes is treated like one of plain characters", () => {
  fc.assert(fc.property(PATH, PATH, (one, other) => {
    const [first, second] = [nameOf(one), nameOf(other)];
    assert.equal(bytesOf(join(first, second)), posix.join(one, other));
    assert.equal(bytesOf(normalize(first)), posix.normalize(one));
    assert.equal(bytesOf(basename(first)), posix.basename(one));
    assert.equal(bytesOf(dirname(first)), posix.dirname(one));
    assert.equal(bytesOf(resolve("/x", first)), posix.resolve("/x", one));
    assert.equal(
      bytesOf(relative(`/${first}`, `/${second}`)),
      posix.relative(`/${one}`, `/${other}`),
    );
  }));
});

test("a relative path of any bytes begins at the working folder", () => {
  const name = nameOf("\xe9");
  assert.equal(resolve(name), `${process.cwd()}/${name}`);
  assert.equal(relative(process.cwd(), name), name);
});

function nameOf(text: string): string {
  return nameOfBytes(Buffer.from(text, "latin1"));
}

function bytesOf(name: string): string {
  return bytesOfName(name).toString("latin1");
}
