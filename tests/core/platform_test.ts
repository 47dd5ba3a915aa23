/** For which platforms libraries are built, and which of several a machine loads. */

import assert from "node:assert/strict";
import { libraryFor, platformOf } from "../../core/platform.ts";
import { test } from "../lib/test.ts";
import { elfFile } from "./elf_file.ts";

const ELF = { isWide: true, isLittleEndian: true, defined: [] };

/** A Mach-O file for one kind of machines, or for several. */
function machO(machine: number | undefined): Uint8Array {
  const view = new DataView(new ArrayBuffer(32));
  view.setUint32(0, machine === undefined ? 0xcafebabe : 0xcffaedfe);
  view.setUint32(4, machine ?? 2, true);
  return new Uint8Array(view.buffer);
}

test("a library says its platform as a worker says its own", () => {
  assert.equal(platformOf(elfFile({ ...ELF, machine: 0xb7 })), "linux-aarch64");
  assert.equal(platformOf(elfFile({ ...ELF, machine: 0x3e })), "linux-x86_64");
  assert.equal(platformOf(elfFile({ ...ELF, machine: 0x7777 })), "linux-machine30583");
  assert.equal(platformOf(elfFile({ ...ELF, isWide: false, machine: 0x3e })), "linux-x32");
  assert.equal(platformOf(machO(0x0100000c)), "darwin-aarch64");
  assert.equal(platformOf(machO(undefined)), "darwin");
  assert.equal(platformOf(new TextEncoder().encode("text")), undefined);
});

test("a machine gets the library for its kind, or one for all kinds of its system", () => {
  const libraries = ["darwin", "linux-x86_64", "linux-aarch64", "darwin-aarch64"]
    .map((platform) => ({ platform }));
  const forMachine = (platform: string) => libraryFor(libraries, platform)?.platform;
  assert.equal(forMachine("linux-aarch64"), "linux-aarch64");
  assert.equal(forMachine("darwin-aarch64"), "darwin-aarch64");
  assert.equal(forMachine("darwin-x86_64"), "darwin");
  assert.equal(forMachine("linux-x86"), undefined);
  assert.equal(forMachine("linux-riscv64"), undefined);
  assert.equal(forMachine(""), undefined);
});
