/** The signature of a file as text, and which files have it at their end. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import {
  findSignature,
  isSharedLibrary,
  type Signature,
  signatureLine,
} from "../../core/signature.ts";
import { utf8 } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { test, testUnless } from "../lib/test.ts";

const SIGNATURE: Signature = {
  signer: new Uint8Array(32).map((_, index) => 7 * index),
  signature: new Uint8Array(64).map((_, index) => 251 - index),
};
const LINE = signatureLine(SIGNATURE);

const notElf = process.platform === "linux" ? undefined : "its libraries are not ELF";

test("a signature is read as it was written, at the end of any content", () => {
  for (const content of ["", "\x7fELF\0\0", "distcomp signature 1 ", "a\n", `${LINE}x`]) {
    const line = findSignature(utf8(`${content}\n${LINE}`));
    assert.deepEqual(line, { signature: SIGNATURE, bytes: LINE.length + 1 });
  }
  assert.deepEqual(findSignature(utf8(LINE)), { signature: SIGNATURE, bytes: LINE.length });
});

test("only the last of two signatures counts", () => {
  const other = { ...SIGNATURE, signer: new Uint8Array(32) };
  const line = findSignature(utf8(`content\n${LINE}\n${signatureLine(other)}`));
  assert.deepEqual(line?.signature, other);
});

test("what is not at the end of a file, or not in a line of its own, is no signature", () => {
  for (const text of ["", "\n", `${LINE} `, `${LINE}\n`, `content${LINE}`, LINE.trimEnd()]) {
    assert.equal(findSignature(utf8(text)), undefined, JSON.stringify(text));
  }
});

test("a signature of a later version, or a damaged one, is a signature that cannot be read", () => {
  const damaged = [
    LINE.replace("signature 1", "signature 2"),
    "distcomp signature 2 anything else\n",
    LINE.replace(/.==\n/, "!==\n"),
    LINE.replace(" 1 ", " 1  "),
    LINE.replace("=\n", "\n"),
    // The same bytes in other words: a signed file has one form.
    LINE.replace(/.==\n/, (end) => `${end[0] === "w" ? "x" : "w"}==\n`).replace("w==", "x=="),
  ];
  for (const line of damaged) {
    assert.deepEqual(findSignature(utf8(`content\n${line}`)), {
      signature: undefined,
      bytes: line.length + 1,
    }, line);
  }
});

testUnless(
  notElf,
  "a shared library has its signature at its end, a program or a text has not",
  async () => {
    assert(isSharedLibrary(await coreBytes("echo")));
    assert(!isSharedLibrary(readFileSync(process.execPath).subarray(0, 16384)));
    assert(!isSharedLibrary(readFileSync("/bin/sh").subarray(0, 16384)));
    for (const text of ["", "#!/bin/sh\n", "x".repeat(1000)]) assert(!isSharedLibrary(utf8(text)));
  },
);

testUnless(
  notElf,
  "the beginning of a library that is cut anywhere is no library, and no error",
  async () => {
    const library = await coreBytes("echo");
    for (let bytes = 0; bytes < 400; bytes++) isSharedLibrary(library.subarray(0, bytes));
    const hostile = library.slice(0, 4096);
    hostile.fill(0xff, 32, 64);
    assert(!isSharedLibrary(hostile));
  },
);

test("a line of 1 KiB may be a signature, of whatever version, and a longer one is none", () => {
  const lineOf = (bytes: number) => {
    const begin = "distcomp signature 2 ";
    return utf8(`${begin}${"x".repeat(bytes - begin.length - 1)}\n`);
  };
  assert.deepEqual(findSignature(lineOf(1024)), { signature: undefined, bytes: 1024 });
  assert.equal(findSignature(lineOf(1025)), undefined);
});
