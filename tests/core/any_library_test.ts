/** Libraries with any damage, and such as nobody but an attacker makes. */

import assert from "node:assert/strict";
import process from "node:process";
import { CORE_FUNCTIONS, inspectCore, reasonNotToLoad } from "../../core/inspect.ts";
import { coreBytes } from "../lib/cores.ts";
import fc from "../lib/properties.ts";
import { runs } from "../lib/random.ts";
import { test, testUnless } from "../lib/test.ts";
import { elfFile } from "./elf_file.ts";

const X86_64 = { machine: "x86_64", format: "ELF" } as const;
const notElf = process.platform === "linux" ? undefined : "compiles no ELF files";

/** Far longer than a file of a few megabytes takes, far shorter than reading it once for each symbol. */
const INSPECTION_MS_MAX = 5_000;

const MIB = 1024 * 1024;

/** What becomes of a field: the borders, and any value. */
const anyValue = fc.oneof(
  fc.constantFrom(0n, 1n, 2n ** 16n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 63n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.nat(4096).map(BigInt),
);
const anyFlaws = fc.array(
  fc.record({ at: fc.nat(), bytes: fc.constantFrom(1, 2, 4, 8), value: anyValue }),
  { minLength: 1, maxLength: 5 },
);

for (const isWide of [true, false]) {
  for (const isLittleEndian of [true, false]) {
    const kind = `${isWide ? 64 : 32}-bit ${isLittleEndian ? "little" : "big"}-endian`;
    test(`a ${kind} library with any fields changed is inspected, or left to the loader`, () => {
      const content = elfFile({ machine: 0x3e, isWide, isLittleEndian, defined: CORE_FUNCTIONS });
      fc.assert(
        fc.property(anyFlaws, (flaws) => inspect(damaged(content, flaws, isLittleEndian))),
        runs(300),
      );
    });
  }
}

testUnless(
  notElf,
  "a compiled core with any fields of its headers changed is inspected",
  async () => {
    const content = new Uint8Array(await coreBytes("echo"));
    const sectionsAt = Number(new DataView(content.buffer).getBigUint64(40, true));
    const anyPlace = fc.oneof(
      fc.nat(64),
      fc.nat(content.byteLength - sectionsAt).map((at) => at + sectionsAt),
    );
    const anyFlaw = fc.record({
      at: anyPlace,
      bytes: fc.constantFrom(1, 2, 4, 8),
      value: anyValue,
    });
    fc.assert(
      fc.property(fc.array(anyFlaw, { minLength: 1, maxLength: 3 }), (flaws) => {
        inspect(damaged(content, flaws, true));
      }),
      runs(100),
    );
  },
);

test("a library whose symbols all have the same endless name is inspected at once", () => {
  const defined = Array.from({ length: 40_000 }, () => "");
  const small = elfFile({ machine: 0x3e, isWide: true, isLittleEndian: true, defined });
  const content = new Uint8Array(small.byteLength + MIB);
  content.set(small);
  content.fill(0x61, small.byteLength);
  const view = new DataView(content.buffer);
  const sectionsAt = Number(view.getBigUint64(40, true));
  view.setBigUint64(sectionsAt + 2 * 64 + 24, BigInt(small.byteLength), true); // where the names are
  for (let index = 0; index <= defined.length; index++) view.setUint32(64 + index * 24, 0, true);
  content[content.byteLength - 1] = 0;
  const startedAtMs = performance.now();
  assert.equal(
    reasonNotToLoad(inspectCore(content), X86_64),
    `it lacks ${CORE_FUNCTIONS.join(", ")}`,
  );
  assert(performance.now() - startedAtMs < INSPECTION_MS_MAX);
});

test("names that are longer than those of the compute core API hide none of these", () => {
  for (const long of [63, 64, 65, 1000]) {
    const defined = ["x".repeat(long), ...CORE_FUNCTIONS, "y".repeat(long)];
    const content = elfFile({ machine: 0x3e, isWide: true, isLittleEndian: true, defined });
    assert.equal(reasonNotToLoad(inspectCore(content), X86_64), undefined);
  }
});

/** A reason is one line, whatever the file is. */
function inspect(content: Uint8Array): void {
  const reason = reasonNotToLoad(inspectCore(content), X86_64);
  assert(reason === undefined || /^its? [^\n]+$/.test(reason), reason);
}

function damaged(
  content: Uint8Array,
  flaws: readonly { at: number; bytes: number; value: bigint }[],
  isLittleEndian: boolean,
): Uint8Array {
  const copy = content.slice();
  for (const { at, bytes, value } of flaws) {
    const field = Array.from({ length: bytes }, (_, i) => Number(value >> BigInt(8 * i) & 255n));
    const place = at % (copy.byteLength - bytes);
    copy.set(isLittleEndian ? field : field.reverse(), place);
  }
  return copy;
}
