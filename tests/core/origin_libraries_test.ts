/** Which libraries a core takes from folders that it names relative to itself. */

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import process from "node:process";
import { readElfLibrary } from "../../core/elf_library.ts";
import { type LibraryFile, originLibraries } from "../../core/origin_libraries.ts";
import { coreSource, Libraries } from "../lib/libraries.ts";
import fc from "../lib/properties.ts";
import { runs } from "../lib/random.ts";
import { test, testUnless } from "../lib/test.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const notLinux = process.platform === "linux" ? undefined : "its libraries are not ELF";

/** Where a core needs `libone.so`, which needs `libtwo.so`, and what each was linked with. */
async function chain(
  libraries: Libraries,
  flags: { readonly core: string; readonly one?: string },
): Promise<string> {
  await mkdir(libraries.at("lib"));
  const inLib = `-L${libraries.at("lib")}`;
  const link = `-Wl,-rpath-link,${libraries.at("lib")}`;
  await libraries.build("lib/libtwo.so", "int two(void) { return 2; }", "-Wl,-soname,libtwo.so");
  const one = ["-l:libtwo.so", "-Wl,-soname,libone.so", ...flags.one ? [flags.one] : []];
  await libraries.build(
    "lib/libone.so",
    "int two(void); int one(void) { return two(); }",
    inLib,
    ...one,
  );
  const source = coreSource("if (one() != 2) return 1;", "int one(void);");
  return await libraries.build("core.so", source, inLib, link, "-l:libone.so", flags.core);
}

/** The libraries of a core, relative to its folder. */
async function found(libraries: Libraries, core: string): Promise<string[]> {
  const paths = await originLibraries(core, (await read(core))?.library, read);
  return paths.map((path) => path.slice(libraries.path.length + 1)).sort();
}

async function read(path: string): Promise<LibraryFile | undefined> {
  const content = await readFile(path).catch(() => undefined);
  return content && await fileOf(new Uint8Array(content));
}

async function fileOf(content: Bytes): Promise<LibraryFile> {
  const { byteLength: size } = content;
  const read = (at: number, bytes: number) => Promise.resolve(content.subarray(at, at + bytes));
  return { library: await readElfLibrary({ size, read }) };
}

const BOTH = ["lib/libone.so", "lib/libtwo.so"];

testUnless(notLinux, "libraries that are named through $ORIGIN are found, and theirs", async () => {
  for (const origin of ["$ORIGIN/lib", "${ORIGIN}/lib", "/none:$ORIGIN/../none:$ORIGIN/./lib/"]) {
    await using libraries = await Libraries.make();
    const core = await chain(libraries, {
      core: `-Wl,--enable-new-dtags,-rpath,${origin}`,
      one: "-Wl,--enable-new-dtags,-rpath,$ORIGIN",
    });
    assert.deepEqual(await found(libraries, core), BOTH, origin);
  }
});

testUnless(
  notLinux,
  "an RPATH counts for the libraries of libraries, a RUNPATH does not",
  async () => {
    for (const [tags, all] of [["disable", BOTH], ["enable", BOTH.slice(0, 1)]] as const) {
      await using libraries = await Libraries.make();
      const core = await chain(libraries, { core: `-Wl,--${tags}-new-dtags,-rpath,$ORIGIN/lib` });
      assert.deepEqual(await found(libraries, core), all, tags);
    }
  },
);

testUnless(
  notLinux,
  "libraries in absolute folders belong to the machine, and do not travel",
  async () => {
    await using libraries = await Libraries.make();
    const core = await chain(libraries, { core: `-Wl,-rpath,${libraries.at("lib")}` });
    assert.deepEqual(await found(libraries, core), []);
  },
);

testUnless(
  notLinux,
  "what is missing here is passed over: the loader may find it elsewhere",
  async () => {
    await using libraries = await Libraries.make();
    const core = await chain(libraries, {
      core: "-Wl,-rpath,$ORIGIN/lib",
      one: "-Wl,-rpath,$ORIGIN",
    });
    await libraries.remove("lib/libtwo.so");
    assert.deepEqual(await found(libraries, core), BOTH.slice(0, 1));
  },
);

testUnless(notLinux, "the C library stays that of the machine, wherever a copy lies", async () => {
  await using libraries = await Libraries.make();
  const core = await libraries.build("core.so", coreSource(), "-Wl,-rpath,$ORIGIN");
  for (const name of ["libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"]) {
    await libraries.write(name, new Uint8Array(await readFile(core)));
  }
  assert.deepEqual(await found(libraries, core), []);
});

testUnless(notLinux, "libraries that need each other are found once", async () => {
  await using libraries = await Libraries.make();
  const flags = ["-Wl,-rpath,$ORIGIN", "-Wl,--no-as-needed"];
  await libraries.build("libb.so", "int b(void) { return 1; }");
  await libraries.build("liba.so", "int a(void) { return 1; }", ...flags, "-l:libb.so");
  await libraries.build("libb.so", "int b(void) { return 1; }", ...flags, "-l:liba.so");
  const core = await libraries.build("core.so", coreSource(), ...flags, "-l:liba.so", "-l:libb.so");
  assert.deepEqual(await found(libraries, core), ["liba.so", "libb.so"]);
});

test("what is no ELF library needs nothing", async () => {
  for (const bytes of [[], [0x7f, 0x45, 0x4c, 0x46], [1, 2, 3]]) {
    const { library } = await fileOf(new Uint8Array(bytes));
    assert.deepEqual(await originLibraries("/core.so", library, read), []);
  }
});

testUnless(notLinux, "a damaged core or library never throws", async () => {
  await using libraries = await Libraries.make();
  const core = await chain(libraries, {
    core: "-Wl,-rpath,$ORIGIN/lib",
    one: "-Wl,-rpath,$ORIGIN",
  });
  const content = new Uint8Array(await readFile(core));
  const library = new Uint8Array(await readFile(libraries.at("lib/libone.so")));
  // The headers are at the beginning, and the table of libraries is found by the loader's: any byte may count.
  const anyDamage = fc.array(fc.tuple(fc.nat(content.length - 1), fc.nat(255)), { maxLength: 20 });
  const anyHeaderDamage = fc.array(fc.tuple(fc.nat(1000), fc.nat(255)), { maxLength: 5 });
  const anyCut = fc.oneof(fc.constant(content.length), fc.nat(content.length));
  await fc.assert(
    fc.asyncProperty(
      anyDamage,
      anyHeaderDamage,
      anyCut,
      fc.boolean(),
      async (damage, header, cut, isCore) => {
        const damaged = (isCore ? content : library).slice(0, cut);
        for (const [at, byte] of [...damage, ...header]) damaged[at] = byte;
        const reads: ReadonlyMap<string, Bytes> = new Map([[
          libraries.at("lib/libone.so"),
          damaged,
        ]]);
        const { library: ofCore } = await fileOf(isCore ? damaged : content);
        const paths = await originLibraries(core, ofCore, async (path) => {
          const content = reads.get(path);
          return content && await fileOf(content);
        });
        for (const path of paths) assert.equal(path, libraries.at("lib/libone.so"));
      },
    ),
    runs(300),
  );
});
