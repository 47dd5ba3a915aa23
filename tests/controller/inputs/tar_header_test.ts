/** Headers of tars, and copies of what follows them. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { SmallCopies } from "../../../controller/inputs/small_copies.ts";
import { parseTarHeader, tarBytes } from "../../../controller/inputs/tar/tar_header.ts";
import { test } from "../../lib/test.ts";

test("the checksum of a tar header is the sum of its bytes, at any place and with the largest bytes", () => {
  for (const at of [0, 3, 512]) {
    const bytes = Buffer.alloc(at + 512, 0xff);
    bytes.write("00000000012\0", at + 124);
    bytes.write("        ", at + 148);
    let sum = 0;
    for (let place = at; place < at + 512; place++) sum += bytes[place] as number;
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148);
    assert.equal(parseTarHeader(tarBytes(bytes), at)?.bytes, 10);
    bytes[at + 511] = 0xfe;
    assert.throws(() => parseTarHeader(tarBytes(bytes), at), /no header of a file/);
  }
});

test("copies of small inputs stay as they are when more are made", () => {
  const copies = new SmallCopies();
  const made = Array.from({ length: 300 }, (_, index) => {
    const content = new Uint8Array(index * 7).fill(index);
    const copy = copies.of(content);
    content.fill(0);
    return copy;
  });
  for (const [index, copy] of made.entries()) {
    assert.equal(copy.byteLength, index * 7);
    assert(copy.every((byte) => byte === index % 256));
  }
});
