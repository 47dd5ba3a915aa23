/** What the loader reads of libraries: compiled ones, and such with any damage. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { type FileBytes, readElfLibrary } from "../../core/elf_library.ts";
import { Libraries } from "../lib/libraries.ts";
import fc from "../lib/properties.ts";
import { runs } from "../lib/random.ts";
import { test, testUnless } from "../lib/test.ts";
import { elfFile } from "./elf_file.ts";

const notElf = process.platform === "linux" ? undefined : "compiles no ELF files";
const notX86 = process.arch === "x64" ? notElf : "compiles for another processor";

/** The script of a library with two versions, and of a library that needs the second. */
const VERSIONS = "OLD_1.0 { global: old; };\nNEW_2.0 { global: new; } OLD_1.0;\n";

testUnless(notElf, "a library says what it needs, where that is, and its versions", async () => {
  await using libraries = await Libraries.make();
  await buildVersioned(libraries);
  const path = await libraries.build(
    "libuser.so.1",
    "int new(void); int user(void) { return new(); }",
    "-l:libversioned.so.1",
    "-Wl,-rpath,$ORIGIN/lib:/opt/lib",
  );
  const user = await readElfLibrary(bytesOf(await readFile(path)));
  assert.equal(user?.soname, "libuser.so.1");
  assert.equal(user.needed[0], "libversioned.so.1");
  assert.equal(user.runpath ?? user.rpath, "$ORIGIN/lib:/opt/lib");
  assert.equal(user.interpreter, undefined);
  assert.deepEqual(
    user.versionsNeeded.find(({ library }) => library === "libversioned.so.1")?.versions,
    ["NEW_2.0"],
  );
  const versioned = await readElfLibrary(
    bytesOf(await readFile(libraries.at("libversioned.so.1"))),
  );
  assert.deepEqual(
    [...versioned?.versionsDefined ?? []],
    ["libversioned.so.1", "OLD_1.0", "NEW_2.0"],
  );
});

testUnless(notX86, "a library says for which level of processors it is built", async () => {
  await using libraries = await Libraries.make();
  for (
    const [flags, level] of [[[], 1], [["-Wl,-z,x86-64-v3"], 3], [["-Wl,-z,x86-64-v4"], 4]] as const
  ) {
    const path = await libraries.build(`libv${level}.so`, "int f(void) { return 1; }", ...flags);
    assert.equal((await readElfLibrary(bytesOf(await readFile(path))))?.x86Level, level);
  }
});

testUnless(notElf, "a library is read in few pieces, however large it is", async () => {
  const content = await versionedLibrary();
  let bytes = 0;
  const read = (at: number, count: number) => {
    const piece = content.subarray(at, at + count);
    bytes += piece.byteLength;
    return Promise.resolve(piece);
  };
  const size = 2 ** 40;
  assert.equal((await readElfLibrary({ size, read }))?.soname, "libversioned.so.1");
  assert(bytes < 256 * 1024, `${bytes} bytes`);
});

test("a file that is no library is none", async () => {
  const library = elfFile({ machine: 0x3e, isWide: true, isLittleEndian: true, defined: [] });
  for (
    const content of [
      new Uint8Array(),
      new Uint8Array(100),
      new TextEncoder().encode("text"),
      library,
    ]
  ) {
    assert.equal(await readElfLibrary(bytesOf(content)), undefined);
  }
});

testUnless(notElf, "a library that is cut anywhere is read, or left to the loader", async () => {
  const content = await versionedLibrary();
  const anyCut = fc.nat(content.byteLength);
  await fc.assert(
    fc.asyncProperty(anyCut, async (bytes) => {
      await readElfLibrary(bytesOf(content.subarray(0, bytes)));
    }),
    runs(200),
  );
});

testUnless(notElf, "a library with any fields changed is read, or left to the loader", async () => {
  const content = (await versionedLibrary()).slice();
  const anyFlaw = fc.record({
    // The headers at the start, and the tables behind them.
    at: fc.nat(Math.min(content.byteLength - 8, 16 * 1024)),
    value: fc.oneof(
      fc.constantFrom(0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 64n - 1n),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    ),
    bytes: fc.constantFrom(1, 2, 4, 8),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anyFlaw, { minLength: 1, maxLength: 6 }), async (flaws) => {
      const copy = content.slice();
      for (const { at, value, bytes } of flaws) {
        for (let i = 0; i < bytes; i++) copy[at + i] = Number((value >> BigInt(8 * i)) & 255n);
      }
      await readElfLibrary(bytesOf(copy));
    }),
    runs(300),
  );
});

testUnless(
  notElf,
  "a library whose versions lead in a circle is read in limited time",
  async () => {
    const content = (await versionedLibrary()).slice();
    const view = new DataView(content.buffer);
    // Every field of the tables that says where the next entry is becomes 0: the same entry again.
    for (let at = 0; at + 4 <= Math.min(content.byteLength, 16 * 1024); at += 4) {
      if (view.getUint32(at, true) === 28) view.setUint32(at, 0, true);
    }
    await readElfLibrary(bytesOf(content));
  },
);

function bytesOf(content: Uint8Array): FileBytes {
  return {
    size: content.byteLength,
    read: (at, bytes) => Promise.resolve(content.subarray(at, at + bytes)),
  };
}

async function buildVersioned(libraries: Libraries): Promise<string> {
  const script = await libraries.write("versions", VERSIONS);
  return await libraries.build(
    "libversioned.so.1",
    "#include <stdlib.h>\nint old(void) { return abs(rand()); } int new(void) { return old(); }",
    `-Wl,--version-script,${script}`,
  );
}

let versioned: Promise<Uint8Array> | undefined;

/** A library with versions, built once. */
function versionedLibrary(): Promise<Uint8Array> {
  return versioned ??= (async () => {
    await using libraries = await Libraries.make();
    return new Uint8Array(await readFile(await buildVersioned(libraries)));
  })();
}
