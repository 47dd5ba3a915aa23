/** Inspection of cores before they are loaded: real, synthetic and damaged libraries, and other files. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import os from "node:os";
import process from "node:process";
import { CORE_FUNCTIONS, inspectCore, reasonNotToLoad } from "../../core/inspect.ts";
import { coreBytes } from "../lib/cores.ts";
import fc from "../lib/properties.ts";
import { test, testUnless } from "../lib/test.ts";
import { elfFile } from "./elf_file.ts";

const X86_64 = { machine: "x86_64", format: "ELF" } as const;
const HERE = { machine: os.machine(), format: "ELF" } as const;
const PROGRAM = "it is a program; link it with -shared";
const WIDE_LITTLE = { isWide: true, isLittleEndian: true };
const notElf = process.platform === "linux" ? undefined : "compiles no ELF files";

testUnless(notElf, "a compiled core has all functions and is for this machine", async () => {
  const facts = inspectCore(await coreBytes("echo"));
  assert.deepEqual(facts, { kind: "library", format: "ELF", machine: os.machine(), missing: [] });
});

for (
  const [name, missing] of [
    ["no_init", ["worker_init"]],
    ["no_run", ["worker_run_job"]],
    ["no_free", ["worker_free_outdata"]],
    ["no_symbols", [...CORE_FUNCTIONS]],
  ] as const
) {
  testUnless(
    notElf,
    `a compiled library without ${missing.join(", ")} is found to lack it`,
    async () => {
      const facts = inspectCore(await coreBytes(name));
      assert(facts.kind === "library");
      assert.deepEqual(facts.missing, missing);
      assert.equal(
        reasonNotToLoad(facts, { machine: os.machine(), format: "ELF" }),
        `it lacks ${missing.join(", ")}`,
      );
    },
  );
}

const MACHINES = [
  ["x86_64", 0x3e, true, true],
  ["aarch64", 0xb7, true, true],
  ["riscv64", 0xf3, true, true],
  ["ppc64le", 0x15, true, true],
  ["ppc64", 0x15, true, false],
  ["s390x", 0x16, true, false],
  ["arm", 0x28, false, true],
  ["i686", 0x03, false, true],
  ["loongarch64", 258, true, true],
  ["x32", 0x3e, false, true],
  ["aarch64_be", 0xb7, true, false],
  ["machine62", 0x3e, true, false],
  ["machine30583", 0x7777, true, true],
] as const;

for (const [name, machine, isWide, isLittleEndian] of MACHINES) {
  test(`a library for ${name} is recognized, with the functions that it exports`, () => {
    const shape = { machine, isWide, isLittleEndian };
    const whole = inspectCore(elfFile({ ...shape, defined: [...CORE_FUNCTIONS, "more"] }));
    assert.deepEqual(whole, { kind: "library", format: "ELF", machine: name, missing: [] });

    const needy = elfFile({ ...shape, defined: ["worker_init"], undefined: ["worker_run_job"] });
    const facts = inspectCore(needy);
    assert(facts.kind === "library");
    assert.deepEqual(facts.missing, ["worker_run_job", "worker_free_outdata"]);
  });
}

test("a library for another machine is refused with the names of both machines", () => {
  const file = elfFile({ machine: 0xb7, ...WIDE_LITTLE, defined: [...CORE_FUNCTIONS] });
  assert.equal(
    reasonNotToLoad(inspectCore(file), X86_64),
    "it is built for aarch64, this machine is x86_64",
  );
});

test("a library for an unknown machine is refused, unless this one is not known either", () => {
  const file = elfFile({ machine: 0x7777, ...WIDE_LITTLE, defined: [...CORE_FUNCTIONS] });
  assert.equal(
    reasonNotToLoad(inspectCore(file), X86_64),
    "it is built for machine30583, this machine is x86_64",
  );
  assert.equal(reasonNotToLoad(inspectCore(file), { machine: "new", format: "ELF" }), undefined);
  const known = elfFile({ machine: 0x3e, ...WIDE_LITTLE, defined: [...CORE_FUNCTIONS] });
  assert.equal(
    reasonNotToLoad(inspectCore(known), { machine: "new", format: "ELF" }),
    "it is built for x86_64, this machine is new",
  );
});

test("a library for another system, or for no kind of machines, is refused with the reason", () => {
  const cases = [
    [7, 3, undefined], // GNU, as compilers write it for some kinds of symbols
    [7, 9, "it is built for FreeBSD, not Linux"],
    [7, 77, "it is built for another system (OS ABI 77), not Linux"],
    [4, 0, "its header is damaged: it does not say for which kind of machines it is"],
    [5, 3, "its header is damaged: it does not say for which kind of machines it is"],
  ] as const;
  for (const [at, value, reason] of cases) {
    const file = elfFile({ machine: 0x3e, ...WIDE_LITTLE, defined: [...CORE_FUNCTIONS] });
    file[at] = value;
    assert.equal(reasonNotToLoad(inspectCore(file), X86_64), reason);
  }
});

test("a library whose symbols cannot be read is left to the system's loader", () => {
  const file = elfFile({ machine: 0x3e, ...WIDE_LITTLE, defined: [] });
  new DataView(file.buffer).setUint16(60, 0, true); // no sections: stripped of its table of them
  assert.equal(reasonNotToLoad(inspectCore(file), X86_64), undefined);
});

test("an object file is not accepted as a library", () => {
  const file = elfFile({ machine: 0x3e, ...WIDE_LITTLE, defined: [...CORE_FUNCTIONS] });
  file[16] = 1; // ET_REL
  assert.equal(
    reasonNotToLoad(inspectCore(file), X86_64),
    "it is an object file; link it with -shared",
  );
});

testUnless(
  notElf,
  "a program is not accepted as a library, although it has the functions",
  async () => {
    const content = (await coreBytes("echo")).slice();
    assert.equal(reasonNotToLoad(inspectCore(content), HERE), undefined);
    content[16] = 2; // ET_EXEC
    assert.equal(reasonNotToLoad(inspectCore(content), HERE), PROGRAM);
    const movable = await readFile(process.execPath); // linkers give it the flag that the loader refuses
    assert.equal(reasonNotToLoad(inspectCore(movable), HERE), PROGRAM);
  },
);

testUnless(
  notElf,
  "a library whose end is missing is not loaded, which would kill its process",
  async () => {
    const content = await coreBytes("echo");
    for (const [bytes, least] of [[3000, "\\d{4,}"], [100, "\\d{3}"], [60, "64"], [20, "64"]]) {
      const cut = content.subarray(0, Number(bytes));
      assert.match(
        reasonNotToLoad(inspectCore(cut), HERE) ?? "",
        new RegExp(`^its end is missing: it has ${bytes} of ${least} bytes or more$`),
      );
    }
  },
);

test("libraries of other systems are recognized", () => {
  const machO = bytesOf([0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0x00, 0x00, 0x01], 32);
  const fat = bytesOf([0xca, 0xfe, 0xba, 0xbe], 32);
  const pe = bytesOf([0x4d, 0x5a], 256);
  new DataView(pe.buffer).setUint32(60, 128, true);
  pe.set([0x50, 0x45, 0, 0, 0x64, 0x86], 128);
  assert.deepEqual(inspectCore(machO), library("Mach-O", "aarch64"));
  assert.deepEqual(inspectCore(fat), library("Mach-O", undefined));
  assert.deepEqual(inspectCore(pe), library("PE", "x86_64"));
  assert.equal(
    reasonNotToLoad(inspectCore(pe), X86_64),
    "it is a PE library, this machine loads ELF",
  );
});

test("a file that is not a library is described", () => {
  const reasons: [Uint8Array, string][] = [
    [new Uint8Array(0), "it is empty"],
    [new TextEncoder().encode("#!/bin/sh\nexec true\n"), "it is a text file"],
    [new TextEncoder().encode("grüße"), "it is a text file"],
    [
      new TextEncoder().encode("!<arch>\n"),
      "it is a static library; link its objects with -shared",
    ],
    [Uint8Array.of(0x1f, 0x8b, 8, 0), "it is not a shared library"],
    [bytesOf([0x7f, 0x45, 0x4c, 0x46], 19), "it is not a shared library"],
    [new TextEncoder().encode("MZ is how a text may begin"), "it is a text file"],
  ];
  for (const [content, reason] of reasons) {
    assert.equal(reasonNotToLoad(inspectCore(content), X86_64), reason);
  }
});

test("a core in the middle of a larger buffer is read correctly", () => {
  const file = elfFile({ machine: 0x3e, ...WIDE_LITTLE, defined: [...CORE_FUNCTIONS] });
  const larger = new Uint8Array(file.byteLength + 20);
  larger.set(file, 13);
  const view = larger.subarray(13, 13 + file.byteLength);
  assert.deepEqual(inspectCore(view), library("ELF", "x86_64"));
});

testUnless(notElf, "inspecting a compiled core that is cut at any byte never throws", async () => {
  const content = await coreBytes("no_free");
  for (let bytes = 0; bytes < content.byteLength; bytes++) inspectCore(content.subarray(0, bytes));
});

for (const isWide of [true, false]) {
  for (const isLittleEndian of [true, false]) {
    const kind = `${isWide ? 64 : 32}-bit ${isLittleEndian ? "little" : "big"}-endian`;
    const shape = { machine: 0x3e, isWide, isLittleEndian, defined: [...CORE_FUNCTIONS] };

    test(`inspecting a ${kind} library that is cut at any byte never throws`, () => {
      const content = elfFile(shape);
      for (let bytes = 0; bytes < content.byteLength; bytes++) {
        inspectCore(content.subarray(0, bytes));
      }
    });

    test(`inspecting a ${kind} library with any bytes overwritten never throws`, () => {
      const content = elfFile(shape);
      const place = fc.nat(content.byteLength - 1);
      fc.assert(fc.property(place, fc.uint8Array({ maxLength: 16 }), (at, damage) => {
        const damaged = content.slice();
        damaged.set(damage.subarray(0, damaged.byteLength - at), at);
        inspectCore(damaged);
      }));
    });
  }
}

test("inspecting random bytes never throws, even with a valid magic number before them", () => {
  const magics = [[], [0x7f, 0x45, 0x4c, 0x46], [0xcf, 0xfa, 0xed, 0xfe], [0x4d, 0x5a]];
  const bytes = fc.uint8Array({ maxLength: 200 });
  fc.assert(fc.property(fc.constantFrom(...magics), bytes, (magic, rest) => {
    inspectCore(Uint8Array.of(...magic, ...rest));
  }));
});

function bytesOf(start: readonly number[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  bytes.set(start);
  return bytes;
}

function library(format: "ELF" | "Mach-O" | "PE", machine: string | undefined) {
  return { kind: "library", format, machine, missing: [] };
}
