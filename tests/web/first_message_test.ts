/** What is a whole first message, and how it is read. */

import assert from "node:assert/strict";
import type { ByteStream } from "../../runtime/ports.ts";
import { hasFirstRecord, hasRequestHead, readFirstMessage } from "../../web/first_message.ts";
import { test } from "../lib/test.ts";

const text = (value: string) => new TextEncoder().encode(value);

test("the head of a request is whole with its empty line, however it is cut", () => {
  for (const head of ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n"]) {
    const bytes = text(head);
    for (let end = 1; end <= bytes.byteLength; end++) {
      const isWhole = end === bytes.byteLength;
      assert.equal(hasRequestHead(bytes.subarray(0, end), 0), isWhole);
      assert.equal(hasRequestHead(bytes.subarray(0, end), end - 1), isWhole);
    }
  }
});

test("what begins neither a request nor a handshake is served at once", () => {
  assert.equal(hasRequestHead(Uint8Array.of(0x16, 3, 1), 0), true);
  assert.equal(hasRequestHead(text("get / HTTP/1.1"), 0), true);
  assert.equal(hasFirstRecord(text("GET / HTTP/1.1")), true);
});

test("the first record of a handshake is whole with the bytes that it announces", () => {
  const record = new Uint8Array(5 + 258);
  record.set([0x16, 3, 1, 1, 2]);
  for (let end = 1; end < record.byteLength; end++) {
    assert.equal(hasFirstRecord(record.subarray(0, end)), false);
  }
  assert.equal(hasFirstRecord(record), true);
});

test("a first message is read to its end, or to the most that one may have", async () => {
  const head = text(`GET / HTTP/1.1\r\nCookie: ${"a".repeat(10_000)}\r\n\r\n`);
  assert.deepEqual(await readFirstMessage(pieces([head], 100), hasRequestHead), head);
  assert.equal(await readFirstMessage(pieces([text("GET /")], 2), hasRequestHead), null);
  const endless = await readFirstMessage(pieces([text("A".repeat(40_000))], 999), hasRequestHead);
  assert(endless && endless.byteLength > 16 * 1024 && endless.byteLength < 17 * 1024);
});

/** A stream of these bytes, some at a time. */
function pieces(chunks: readonly Uint8Array[], bytesAtOnce: number): ByteStream {
  let rest = chunks[0] ?? new Uint8Array(0);
  return {
    peer: "10.0.0.1:1",
    read: (into) => {
      if (rest.byteLength === 0) return Promise.resolve(null);
      const part = rest.subarray(0, Math.min(bytesAtOnce, into.byteLength));
      into.set(part);
      rest = rest.subarray(part.byteLength);
      return Promise.resolve(part.byteLength);
    },
    write: () => Promise.resolve(),
    endWrites: () => Promise.resolve(),
    close: () => {},
  };
}
