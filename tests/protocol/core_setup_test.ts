/** The messages of setups: their round trips, and what is refused in them. */

import assert from "node:assert/strict";
import * as protocol from "../../protocol/mod.ts";
import { PayloadWriter } from "../../protocol/payload.ts";
import fc from "../lib/properties.ts";
import { runs } from "../lib/random.ts";
import { test } from "../lib/test.ts";
import { anyBlob, anyText, anyUint64 } from "./arbitraries.ts";
import { concat, fromHex, onlyFrame, toHex as hexOf } from "./bytes.ts";

const malformed = protocol.MalformedPayloadError;
const DIGEST = "ab".repeat(32);
const BARE: protocol.CoreSetup = { core: DIGEST, path: "", files: [], variables: [] };

const anyDigest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hexOf);
const anyPart = fc.stringMatching(/^[a-z .]{0,4}[a-zé]$/);
const anyPath = fc.array(anyPart, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const anyFile = fc.record({ path: anyPath, digest: anyDigest, bytes: fc.nat() }, {
  noNullPrototype: true,
});
const anyName = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,9}$/);
const anyValue = anyText.map((text) => text.replaceAll("\0", ""));

const anySetup: fc.Arbitrary<protocol.CoreSetup> = fc.record({
  core: anyDigest,
  path: anyPath,
  files: fc.array(anyFile, { maxLength: 4 }),
  variables: fc.array(fc.tuple(anyName, anyValue), { maxLength: 4 }),
}, { noNullPrototype: true }).filter((setup) => protocol.problemOf(setup) === undefined);

test("a setup survives encoding and decoding", () => {
  fc.assert(fc.property(anyUint64, anySetup, anyText, (id, setup, name) => {
    const message = protocol.decodeMessage2(
      onlyFrame(protocol.encodeSetup(id, setup, name, 7_000)),
    );
    assert.deepEqual(message, { type: "setup", id, setup, name, initMs: 7_000 });
  }));
});

test("a part of a file survives encoding and decoding, and its bytes are not copied", () => {
  fc.assert(
    fc.property(
      anyUint64,
      anyDigest,
      anyBlob,
      fc.nat(),
      fc.nat(),
      (id, digest, part, before, after) => {
        const content = { digest, bytes: before + part.byteLength + after, offset: before, part };
        const frame = onlyFrame(protocol.encodeContent(id, content));
        const message = protocol.decodeMessage2(frame);
        assert.deepEqual(message, { type: "content", id, content });
        assert(message.type === "content");
        assert.equal(message.content.part.buffer, frame.payload.buffer);
      },
    ),
  );
});

test("the contents that a worker lacks survive encoding and decoding", () => {
  fc.assert(fc.property(anyUint64, fc.array(anyDigest, { maxLength: 5 }), (id, missing) => {
    const frame = onlyFrame(protocol.encodeSetupResponse(id, missing));
    assert.equal(frame.type, protocol.ResponseType.ok);
    assert.deepEqual(protocol.decodeSetupResponse(frame.payload), missing);
  }));
});

test("messages of setups that are too short or too long are malformed, at every length", () => {
  const setup = { ...BARE, path: "c.so", files: [file("a/b")], variables: [["A", "1"] as const] };
  const content = { digest: DIGEST, bytes: 9, offset: 2, part: Uint8Array.of(1, 2, 3) };
  const messages = [protocol.encodeSetup(1, setup, "name", 0), protocol.encodeContent(1, content)];
  for (const frame of messages.map(onlyFrame)) {
    for (let size = 0; size < frame.payload.byteLength; size++) {
      const payload = frame.payload.slice(0, size);
      assert.throws(() => protocol.decodeMessage2({ ...frame, payload }), malformed);
    }
    const payload = concat([frame.payload, Uint8Array.of(0)]);
    assert.throws(() => protocol.decodeMessage2({ ...frame, payload }), malformed);
  }
  const response = onlyFrame(protocol.encodeSetupResponse(1, [DIGEST])).payload;
  for (let size = 0; size < response.byteLength; size++) {
    assert.throws(() => protocol.decodeSetupResponse(response.slice(0, size)), malformed);
  }
});

test("a setup with more files or variables than are supported is refused before they are read", () => {
  const before = new PayloadWriter().hex(DIGEST).string("name").string("core.so");
  const messages = [
    [before.uint32(protocol.SETUP_FILES_MAX + 1), 48, /10001 items; at most 10000/],
    [
      new PayloadWriter().hex(DIGEST).string("name").string("").uint32(0)
        .uint32(protocol.SETUP_VARIABLES_MAX + 1),
      16,
      /1001 items; at most 1000/,
    ],
  ] as const;
  for (const [writer, itemBytes, reason] of messages) {
    // Bytes that are no item: whoever reads one fails for another reason.
    const items = new Uint8Array(itemBytes * (protocol.SETUP_FILES_MAX + 2)).fill(0xff);
    assert.throws(() => protocol.decodeSetup(concat([writer.bytes(), items])), reason);
  }
  const count = new PayloadWriter().uint32(protocol.SETUP_FILES_MAX + 2).bytes();
  const response = concat([count, new Uint8Array(32 * (protocol.SETUP_FILES_MAX + 2))]);
  assert.throws(() => protocol.decodeSetupResponse(response), /10002 items; at most 10001/);
});

test("a part outside its file is malformed", () => {
  for (const [bytes, offset] of [[3, 2], [1, 0], [2 ** 63, 0]] as const) {
    const content = { digest: DIGEST, bytes, offset, part: Uint8Array.of(1, 2) };
    assert.throws(
      () => protocol.decodeMessage2(onlyFrame(protocol.encodeContent(1, content))),
      malformed,
    );
  }
});

test("only paths inside the folder of the setup are accepted", () => {
  const good = ["a", "a/b", "...", ".a", "a..b/c", "é/ü", "a b"];
  for (const path of good) {
    assert.equal(problem({ path: "c.so", files: [file(path)] }), undefined, path);
  }
  const bad = [
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "../a",
    "a/../b",
    "a/./b",
    "a\0b",
    "a\\b",
    "x".repeat(1025),
  ];
  for (const path of bad) {
    assert.match(problem({ path: "c.so", files: [file(path)] }) ?? "", /"/, path);
    assert.match(problem({ path, files: [file("c")] }) ?? "", /"/, path);
  }
  assert.equal(problem({ path: "x".repeat(1024), files: [file("c")] }), undefined);
});

test("two files at one place, and a file that would be a folder, are refused", () => {
  assert.match(problem({ path: "c.so", files: [file("a"), file("a")] }) ?? "", /Two files/);
  assert.match(problem({ path: "c.so", files: [file("c.so")] }) ?? "", /Two files/);
  assert.match(
    problem({ path: "c.so", files: [file("a"), file("a/b")] }) ?? "",
    /a file and a folder/,
  );
  assert.match(problem({ path: "lib", files: [file("lib/b")] }) ?? "", /a file and a folder/);
  assert.equal(problem({ path: "c.so", files: [file("a"), file("ab/c")] }), undefined);
});

test("as many files and variables as the limits allow are accepted, and not one more", () => {
  const files = (count: number) => Array.from({ length: count }, (_, index) => file(`f${index}`));
  assert.equal(problem({ path: "c.so", files: files(protocol.SETUP_FILES_MAX) }), undefined);
  assert.match(
    problem({ path: "c.so", files: files(protocol.SETUP_FILES_MAX + 1) }) ?? "",
    /10001 files/,
  );
  const variables = (count: number) =>
    Array.from({ length: count }, (_, index) => [`V${index}`, ""] as const);
  assert.equal(problem({ variables: variables(protocol.SETUP_VARIABLES_MAX) }), undefined);
  assert.match(
    problem({ variables: variables(protocol.SETUP_VARIABLES_MAX + 1) }) ?? "",
    /1001 variables/,
  );
});

test("variables have a name that a shell accepts, a value without a zero byte, and a bounded length", () => {
  const { variableProblem, VARIABLE_BYTES_MAX } = protocol;
  for (const name of ["A", "_", "a1", "LD_PRELOAD", "DISTCOMP_LEVEL", "NODE_ENV"]) {
    assert.equal(variableProblem(name, "x=y"), undefined);
  }
  for (const name of ["", "1A", "A B", "A=B", "é", "A\n"]) {
    assert.match(variableProblem(name, "") ?? "", /is not the name of a variable/, name);
  }
  for (
    const name of ["DISTCOMP_SLOT", "DISTCOMP_CORE_DIR", "DENO_DIR", "BUN_OPTIONS", "NODE_OPTIONS"]
  ) {
    assert.match(variableProblem(name, "") ?? "", /cannot be set/, name);
  }
  assert.match(variableProblem("A", "a\0b") ?? "", /zero byte/);
  assert.equal(variableProblem("A", "x".repeat(VARIABLE_BYTES_MAX - 3)), undefined);
  assert.match(
    variableProblem("A", "x".repeat(VARIABLE_BYTES_MAX - 2)) ?? "",
    /longer than 131072 bytes/,
  );
  assert.match(problem({ variables: [["A", "1"], ["A", "2"]] }) ?? "", /given twice/);
  const large = Array.from(
    { length: 9 },
    (_, index) => [`V${index}`, "x".repeat(128_000)] as const,
  );
  assert.match(problem({ variables: large }) ?? "", /at most 1048576/);
  assert.equal(problem({ variables: large.slice(1) }), undefined);
});

test("a setup with only a core has the key of the core, and everything else makes another key", () => {
  const sha256 = (bytes: Uint8Array) => `sha of ${hexOf(bytes as Uint8Array<ArrayBuffer>)}`;
  assert.equal(protocol.setupKey(BARE, sha256), DIGEST);
  const setups: protocol.CoreSetup[] = [
    { ...BARE, variables: [["A", "1"]] },
    { ...BARE, variables: [["A", "2"]] },
    { ...BARE, variables: [["A", ""], ["B", "1"]] },
    { ...BARE, core: "00".repeat(32), variables: [["A", "1"]] },
    { ...BARE, path: "c.so", files: [file("a")] },
    { ...BARE, path: "c.so", files: [file("b")] },
    { ...BARE, path: "d.so", files: [file("a")] },
    { ...BARE, path: "c.so", files: [{ ...file("a"), digest: "00".repeat(32) }] },
  ];
  assert.equal(
    new Set(setups.map((setup) => protocol.setupKey(setup, sha256))).size,
    setups.length,
  );
});

test("decoding any bytes as a message of setups throws nothing but a MalformedPayloadError", () => {
  const anyBytes = fc.array(
    fc.oneof(anyBlob, anyDigest.map(fromHex), fc.constant(new Uint8Array(8))),
    {
      maxLength: 6,
    },
  ).map(concat);
  fc.assert(
    fc.property(anyBytes, (payload) => {
      for (const type of [protocol.MessageType.setup, protocol.MessageType.content]) {
        try {
          protocol.decodeMessage2({ type, id: 1, payload });
        } catch (error) {
          assert(error instanceof malformed);
        }
      }
    }),
    runs(500),
  );
});

function file(path: string): protocol.SetupFile {
  return { path, digest: DIGEST, bytes: 1 };
}

function problem(setup: Partial<protocol.CoreSetup>): string | undefined {
  return protocol.problemOf({ ...BARE, ...setup });
}
