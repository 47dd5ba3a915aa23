/** Parts of which the system has taken only some bytes are written to their end. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { appendParts } from "../../runtime/files/append_parts.ts";
import { test } from "../lib/test.ts";

const PARTS = ["head", "", "content", "padding"].map((text) => Buffer.from(text));
const ALL = "headcontentpadding";

test("wherever the one call for all parts ends, the rest follows, each byte once", async () => {
  for (let taken = -1; taken <= ALL.length; taken++) {
    const file = new ShortFile(taken);
    await appendParts(PARTS, file);
    assert.equal(file.text, ALL, `after ${taken} bytes`);
  }
});

test("a single part is no reason for another kind of call, nor are more than the system takes", async () => {
  const byte = Buffer.from("x");
  for (const count of [1, 1024, 1025]) {
    const file = new ShortFile(Infinity);
    await appendParts(Array(count).fill(byte), file);
    assert.equal(file.text, "x".repeat(count));
    assert.equal(file.calls, count === 1024 ? 1 : 0);
  }
});

test("what the system refuses is an error", async () => {
  const file = new ShortFile(6);
  file.append = () => Promise.reject(new Error("no space"));
  await assert.rejects(appendParts(PARTS, file), /no space/);
  assert.equal(file.text, "headco");
});

/** Takes so many bytes in one call for several parts. */
class ShortFile {
  text = "";
  calls = 0;
  readonly #taken: number;

  constructor(taken: number) {
    this.#taken = taken;
  }

  gather = (parts: readonly Uint8Array[]): Promise<number> => {
    this.calls += 1;
    const taken = Buffer.concat(parts).subarray(0, Math.max(0, this.#taken));
    this.text += taken;
    return Promise.resolve(this.#taken < 0 ? -1 : taken.byteLength);
  };

  append = (part: Uint8Array): Promise<void> => {
    this.text += Buffer.from(part);
    return Promise.resolve();
  };
}
