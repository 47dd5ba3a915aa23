/** The search for libraries: what a core needs, with compiled libraries in a folder. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { mkdir, readFile, rename } from "node:fs/promises";
import process from "node:process";
import { lackingText } from "../../../core/lacking.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";
import { explainLoadFailure, lackingCpu } from "../../../worker/cores/core_needs.ts";
import { searchLibraries } from "../../../worker/cores/library_search.ts";
import { core } from "../../lib/cores.ts";
import { coreSource, Libraries } from "../../lib/libraries.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test, testUnless } from "../../lib/test.ts";

const notGlibc = process.platform === "linux" && glibcVersion() ? undefined : "has no glibc";
const notX86 = process.arch === "x64" ? notGlibc : "compiles for another processor";
const HERE = "-Wl,-rpath,$ORIGIN";

testUnless(notGlibc, "a core whose libraries are all here lacks nothing", async () => {
  assert.equal(await lacking(await core("echo")), undefined);
});

testUnless(notGlibc, "all missing libraries are found, also those of its libraries", async () => {
  await using libraries = await Libraries.make();
  const path = await buildNeedy(libraries, HERE);
  assert.equal(await lacking(path), undefined);
  await libraries.remove("libzdeep.so.1");
  assert.equal(await lacking(path), "this machine lacks libzdeep.so.1 (for libznear.so.1)");
  await libraries.remove("libzother.so.1");
  assert.equal(
    await lacking(path),
    "this machine lacks libzother.so.1, libzdeep.so.1 (for libznear.so.1)",
  );
});

testUnless(notGlibc, "libraries are found through RPATH, RUNPATH and LD_LIBRARY_PATH", async () => {
  await using libraries = await Libraries.make();
  const unguided = await buildNeedy(libraries);
  assert.match(await lacking(unguided) ?? "", /libznear\.so\.1/);
  assert.equal(await lacking(unguided, libraries.path), undefined);
  assert.equal(await lacking(unguided, `/nowhere:${libraries.path};/nowhere`), undefined);
  for (const kind of ["--enable-new-dtags", "--disable-new-dtags"]) {
    assert.equal(await lacking(await buildNeedy(libraries, `${HERE},${kind}`)), undefined);
  }
});

testUnless(
  notGlibc,
  "an RPATH also counts for the libraries of the libraries, a RUNPATH does not",
  async () => {
    await using libraries = await Libraries.make();
    await mkdir(libraries.at("lib"));
    for (
      const [kind, expected] of [
        ["--disable-new-dtags", undefined],
        ["--enable-new-dtags", "this machine lacks libzdeep.so.1 (for libznear.so.1)"],
      ] as const
    ) {
      const path = await buildNeedy(libraries, `-Wl,-rpath,\${ORIGIN}/lib,${kind}`, "");
      for (const name of ["libzdeep.so.1", "libznear.so.1", "libzother.so.1"]) {
        await rename(libraries.at(name), libraries.at(`lib/${name}`));
      }
      assert.equal(await lacking(path), expected);
    }
  },
);

testUnless(notGlibc, "a library for another kind of machine is passed over", async () => {
  await using libraries = await Libraries.make();
  const path = await buildNeedy(libraries, HERE);
  const other = new Uint8Array(await readFile(libraries.at("libzother.so.1")));
  other[18] = 0x16; // s390x
  await libraries.write("libzother.so.1", other);
  assert.equal(await lacking(path), "this machine lacks libzother.so.1");
});

testUnless(
  notGlibc,
  "a pipe in the place of a library is not waited for, and is no library",
  async () => {
    await using libraries = await Libraries.make();
    const path = await buildNeedy(libraries, HERE);
    await libraries.remove("libzother.so.1");
    assert.equal(spawnSync("mkfifo", [libraries.at("libzother.so.1")]).status, 0);
    assert.equal(await lacking(path), "this machine lacks libzother.so.1");
  },
);

testUnless(
  notGlibc,
  "of a file that is no library nothing is said: the loader decides",
  async () => {
    await using libraries = await Libraries.make();
    const path = await buildNeedy(libraries, HERE);
    await libraries.write("libzother.so.1", "INPUT(-lother)");
    assert.equal(await lacking(path), undefined);
    assert.equal(await lacking(await libraries.write("text", "text")), undefined);
    assert.equal(await lacking(libraries.at("missing.so")), undefined);
  },
);

testUnless(notGlibc, "a core that needs a newer glibc says which, and which is here", async () => {
  await using libraries = await Libraries.make();
  const path = await withNewerGlibc(libraries);
  assert.match(
    await lacking(path) ?? "",
    new RegExp(`^it needs glibc 9\\.[\\d.]+, this machine has ${glibcVersion()}$`),
  );
});

testUnless(notGlibc, "a version that a library no longer has is named", async () => {
  await using libraries = await Libraries.make();
  const script = (name: string) => libraries.write("versions", `${name} { global: f; };\n`);
  const build = async (name: string) =>
    await libraries.build(
      "libzold.so",
      "int f(void) { return 1; }",
      `-Wl,--version-script,${await script(name)}`,
    );
  await build("NEW_2.0");
  const path = await libraries.build(
    "core.so",
    coreSource("f();", "int f(void);"),
    "-l:libzold.so",
    HERE,
  );
  assert.equal(await lacking(path), undefined);
  await build("OLD_1.0");
  assert.equal(await lacking(path), "it needs NEW_2.0, which libzold.so of this machine lacks");
});

testUnless(
  notGlibc,
  "an explanation keeps the loader's text unless it is about the same",
  async () => {
    await using libraries = await Libraries.make();
    const path = await buildNeedy(libraries, HERE);
    await libraries.remove("libzother.so.1");
    const explain = (reason: string) => explainLoadFailure(systemFiles, path, reason);
    const lacks = "this machine lacks libzother.so.1";
    assert.equal(await explain("libzother.so.1: cannot open shared object file"), lacks);
    assert.equal(await explain("the GPU is busy"), `${lacks}; the loader says: the GPU is busy`);
    assert.equal(
      await explainLoadFailure(systemFiles, await core("echo"), "it is tired"),
      undefined,
    );
  },
);

testUnless(notX86, "what the processor lacks is said by the note in the core", async () => {
  await using libraries = await Libraries.make();
  const path = await libraries.build("core.so", coreSource(), "-Wl,-z,x86-64-v4");
  const disk = new MemoryDisk();
  await disk.files.create("/core.so", await readFile(path));
  await disk.files.makeFolder("/proc");
  await disk.files.create("/proc/cpuinfo", `flags : ${FLAGS_V3} avx512f\n`);
  assert.equal(
    await lackingCpu(disk.files, "/core.so"),
    "it is built for x86-64-v4, the CPU of this machine lacks avx512bw, avx512cd, avx512dq, avx512vl",
  );
  assert.equal(await lackingCpu(systemFiles, await core("echo")), undefined);
});

test("where the loader is unknown, nothing is said to be missing", async () => {
  const disk = new MemoryDisk();
  await disk.files.create("/core.so", "text");
  assert.equal(await searchLibraries(disk.files, "/core.so"), undefined);
});

const FLAGS_V3 = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 avx avx2 bmi1 bmi2 f16c fma abm " +
  "movbe xsave";

async function lacking(path: string, libraryPath = ""): Promise<string | undefined> {
  const found = await searchLibraries(systemFiles, path, { libraryPath });
  return found && lackingText(found);
}

/** A core that needs two libraries, of which one needs a third. */
async function buildNeedy(libraries: Libraries, flag = "-g0", nearFlag = flag): Promise<string> {
  const f = (name: string, body: string) => `int ${name}(void) { return ${body}; }`;
  await libraries.build("libzdeep.so.1", f("deep", "1"));
  const near = `int deep(void); ${f("near", "deep()")}`;
  await libraries.build("libznear.so.1", near, "-l:libzdeep.so.1", ...nearFlag ? [nearFlag] : []);
  await libraries.build("libzother.so.1", f("other", "2"));
  return await libraries.build(
    "core.so",
    coreSource("near(); other();", "int near(void); int other(void);"),
    "-l:libznear.so.1",
    "-l:libzother.so.1",
    "-Wl,--allow-shlib-undefined",
    flag,
  );
}

/** A core that needs a version of glibc that there will not be for long. */
async function withNewerGlibc(libraries: Libraries): Promise<string> {
  const path = await libraries.build("core.so", coreSource());
  const text = (await readFile(path)).toString("latin1").replaceAll("GLIBC_2.", "GLIBC_9.");
  return await libraries.write("newer.so", new Uint8Array(Buffer.from(text, "latin1")));
}

/** The version of glibc; `undefined` on a system without it. */
function glibcVersion(): string | undefined {
  const { stdout } = spawnSync("getconf", ["GNU_LIBC_VERSION"], { encoding: "utf8" });
  return /^glibc (\S+)/.exec(stdout ?? "")?.[1];
}
