/** Sentences about what a machine lacks. */

import assert from "node:assert/strict";
import { missingCpuFlags } from "../../core/cpu_level.ts";
import { lackingText } from "../../core/lacking.ts";
import { test } from "../lib/test.ts";

const GLIBC_2_31 = new Set([
  "libc.so.6",
  "GLIBC_2.2.5",
  "GLIBC_2.31",
  "GLIBC_2.9",
  "GLIBC_PRIVATE",
]);
const V2 = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3";

test("all missing libraries are named, with the libraries that need them", () => {
  const libraries = [
    { name: "libone.so.1", neededBy: undefined },
    { name: "libtwo.so.2", neededBy: "libthree.so.3" },
  ];
  assert.equal(
    lackingText({ libraries, versions: [] }),
    "this machine lacks libone.so.1, libtwo.so.2 (for libthree.so.3)",
  );
  assert.equal(lackingText({ libraries: [], versions: [] }), undefined);
});

test("a newer glibc is named by its version, other libraries by the versions that they lack", () => {
  const versions = [
    version("libc.so.6", ["GLIBC_2.9999", "GLIBC_2.38"], GLIBC_2_31, undefined),
    version("libstdc++.so.6", ["GLIBCXX_3.4.32"], new Set(["GLIBCXX_3.4"]), "libx.so"),
    version("libc.so.6", ["GLIBC_ABI_DT_RELR"], GLIBC_2_31, undefined),
    version("libc.so.6", ["GLIBC_2.5"], GLIBC_2_31, undefined),
  ];
  assert.equal(
    lackingText({ libraries: [], versions }),
    "it needs glibc 2.9999, this machine has 2.31; " +
      "libx.so needs GLIBCXX_3.4.32, which libstdc++.so.6 of this machine lacks; " +
      "it needs GLIBC_ABI_DT_RELR, which libc.so.6 of this machine lacks; " +
      "it needs GLIBC_2.5, which libc.so.6 of this machine lacks",
  );
});

test("of very many missing libraries, some are named and the others counted", () => {
  const libraries = Array.from({ length: 100 }, (_, index) => ({
    name: `lib${index}.so`,
    neededBy: undefined,
  }));
  assert.match(lackingText({ libraries, versions: [] }) ?? "", /lib19\.so and 80 more$/);
});

test("names that have control characters do not break a line", () => {
  const libraries = [{ name: "lib\n\u001bevil.so", neededBy: "a\tb" }];
  assert.equal(
    lackingText({ libraries, versions: [] }),
    "this machine lacks lib evil.so (for a b)",
  );
});

test("a processor lacks the features of its level, and of those below", () => {
  assert.deepEqual(missingCpuFlags(2, cpuInfo(V2)), []);
  assert.deepEqual(missingCpuFlags(2, cpuInfo(V2.replace("popcnt ", ""))), ["popcnt"]);
  const v3 = `${V2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave`;
  assert.deepEqual(missingCpuFlags(3, cpuInfo(v3)), []);
  assert.deepEqual(missingCpuFlags(3, cpuInfo(v3.replace("avx2 ", "").replace("cx16 ", ""))), [
    "cx16",
    "avx2",
  ]);
  assert.equal(missingCpuFlags(4, cpuInfo(v3)).length, 5);
});

test("a processor whose features are unknown lacks none", () => {
  assert.deepEqual(missingCpuFlags(4, ""), []);
  assert.deepEqual(missingCpuFlags(4, "Features\t: fp asimd\n"), []);
  assert.deepEqual(missingCpuFlags(5, cpuInfo(V2)), [], "a level that is not known yet");
});

function version(
  library: string,
  missing: string[],
  defined: ReadonlySet<string>,
  neededBy: string | undefined,
) {
  return { library, missing, defined, neededBy };
}

function cpuInfo(flags: string): string {
  return `processor\t: 0\nvendor_id\t: x\nflags\t\t: fpu ${flags} sse2\n\nprocessor\t: 1\nflags\t\t:\n`;
}
