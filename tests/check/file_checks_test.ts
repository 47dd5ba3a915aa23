/** Checks of a core's file: names of functions as compilers write them, and what a core needs. */

import assert from "node:assert/strict";
import { checkFile, checkFunctions, checkLibraries } from "../../check/file_checks.ts";
import type { ElfLibrary } from "../../core/elf_library.ts";
import { elfFile } from "../core/elf_file.ts";
import { test } from "../lib/test.ts";

const X86_64 = { machine: "x86_64", format: "ELF" } as const;
const OTHERS = ["worker_init", "worker_free_outdata"];

const NAMES: readonly [string, string, string][] = [
  ["C++", "_Z14worker_run_jobmPvPmPS_", 'declare it extern "C"'],
  [
    "Rust",
    "_ZN4core14worker_run_job17h0123456789abcdefE",
    'declare it #[unsafe(no_mangle)] pub extern "C" fn',
  ],
  [
    "newer Rust",
    "_RNvCs1_4core14worker_run_job",
    'declare it #[unsafe(no_mangle)] pub extern "C" fn',
  ],
  ["D", "_D4core14worker_run_jobFmPvZi", "declare it extern (C)"],
  ["Fortran", "worker_run_job_", "declare it with bind(C)"],
];

for (const [language, name, cure] of NAMES) {
  test(`a function whose name ${language} has mangled is found, with the cure`, () => {
    assert.deepEqual(checkFunctions(library([...OTHERS, name])), {
      check: "functions",
      state: "failed",
      text: `it lacks worker_run_job; it has ${name}: ${cure}`,
    });
  });
}

test("a function that is missing under any name may be hidden", () => {
  const { state, text } = checkFunctions(library(OTHERS));
  assert.equal(state, "failed");
  assert.match(text, /^it lacks worker_run_job; are they static, or hidden/);
});

test("a file whose symbols cannot be read is not judged", () => {
  assert.equal(checkFunctions(new Uint8Array(10)).state, "skipped");
});

test("a file for another machine is found out, whatever functions it has", () => {
  assert.equal(checkFile(library([]), X86_64).state, "ok");
  const { state, text } = checkFile(library([]), { ...X86_64, machine: "aarch64" });
  assert.equal(state, "failed");
  assert.equal(text, "it is built for x86_64, this machine is aarch64");
});

test("what every worker needs is told: the newest version of glibc, and other libraries", () => {
  const needs = {
    needed: ["libgomp.so.1", "libm.so.6", "libc.so.6", "ld-linux-x86-64.so.2"],
    versionsNeeded: [
      { library: "libc.so.6", versions: ["GLIBC_2.9", "GLIBC_2.34", "GLIBC_2.4"] },
      { library: "libgomp.so.1", versions: ["OMP_1.0"] },
    ],
  } as unknown as ElfLibrary;
  assert.equal(
    checkLibraries(needs, undefined).text,
    "each worker needs glibc 2.34 or newer, libgomp.so.1",
  );
  const none = { needed: [], versionsNeeded: [] } as unknown as ElfLibrary;
  assert.equal(checkLibraries(none, undefined).text, "it needs no other library");
  assert.equal(checkLibraries(undefined, undefined).state, "skipped");
});

test("a missing library that lies beside the core is found if the core says so", () => {
  const libraries = [{ name: "liba.so", neededBy: undefined }, {
    name: "b.so",
    neededBy: "liba.so",
  }];
  const lacking = { libraries, versions: [] };
  const missing = "this machine lacks liba.so, b.so (for liba.so)";
  assert.equal(checkLibraries(undefined, lacking, () => false).text, missing);
  assert.equal(
    checkLibraries(undefined, lacking, (name) => name === "b.so").text,
    `${missing}; b.so lies beside the core: link that with -Wl,-rpath,'$ORIGIN'`,
  );
});

function library(defined: readonly string[]): Uint8Array {
  return elfFile({ machine: 0x3e, isWide: true, isLittleEndian: true, defined });
}
