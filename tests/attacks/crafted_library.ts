/** Libraries that make their reader work: every entry of a table is another long text in the same few bytes. */

import { machine } from "node:os";

const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const DYNAMIC_ENTRY_BYTES = 16;

const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;

const SHT_DYNSYM = 11;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_RUNPATH = 29n;

const MACHINES: Readonly<Record<string, number>> = { x86_64: 0x3e, aarch64: 0xb7 };

/** Names that it needs, and folders in which each of them may be. */
const NEEDED = 4_000;
const FOLDERS = 2_000;

/** Functions that it exports. */
const SYMBOLS = 20_000;

/** A library for this machine, of about a megabyte, that needs all combinations of its names and folders. */
export function craftedLibrary(bytes = 1_000_000): Uint8Array<ArrayBuffer> {
  const content = libraryHeader(bytes);
  const view = new DataView(content.buffer);
  const dynamicAt = ELF_HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES;
  const entries: [bigint, bigint][] = [];
  const stringsAt = dynamicAt + (NEEDED + 3) * DYNAMIC_ENTRY_BYTES;
  const foldersAt = NEEDED + 2;
  for (let name = 0; name < NEEDED; name++) entries.push([DT_NEEDED, BigInt(1 + name)]);
  entries.push([DT_STRTAB, BigInt(stringsAt)], [DT_RUNPATH, BigInt(foldersAt)], [0n, 0n]);

  view.setBigUint64(32, BigInt(ELF_HEADER_BYTES), true);
  view.setUint16(54, PROGRAM_HEADER_BYTES, true);
  view.setUint16(56, 2, true);
  segment(ELF_HEADER_BYTES, PT_LOAD, 0, bytes);
  const dynamicBytes = entries.length * DYNAMIC_ENTRY_BYTES;
  segment(ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES, PT_DYNAMIC, dynamicAt, dynamicBytes);
  for (const [index, [tag, value]] of entries.entries()) {
    view.setBigUint64(dynamicAt + index * DYNAMIC_ENTRY_BYTES, tag, true);
    view.setBigUint64(dynamicAt + index * DYNAMIC_ENTRY_BYTES + 8, value, true);
  }
  content.fill(0x78, stringsAt + 1, stringsAt + 1 + NEEDED); // suffixes of one long name
  const folders = Array.from({ length: FOLDERS }, () => "y").join(":");
  content.set(new TextEncoder().encode(folders), stringsAt + foldersAt);
  return content;

  function segment(at: number, type: number, offset: number, size: number): void {
    view.setUint32(at, type, true);
    view.setUint32(at + 4, 4, true); // it may be read
    for (
      const [field, value] of [[8, offset], [16, offset], [24, offset], [32, size], [40, size]]
    ) {
      view.setBigUint64(at + (field as number), BigInt(value as number), true);
    }
    view.setBigUint64(at + 48, 4096n, true);
  }
}

/** A library for this machine, of about a megabyte, whose symbols have names of ten gigabytes together. */
export function craftedSymbols(): Uint8Array<ArrayBuffer> {
  const symbolsAt = ELF_HEADER_BYTES + 2 * SECTION_HEADER_BYTES;
  const namesAt = symbolsAt + SYMBOLS * SYMBOL_BYTES;
  const content = libraryHeader(1_000_000);
  const view = new DataView(content.buffer);
  view.setBigUint64(40, BigInt(ELF_HEADER_BYTES), true);
  view.setUint16(58, SECTION_HEADER_BYTES, true);
  view.setUint16(60, 2, true);
  view.setUint32(ELF_HEADER_BYTES + 4, SHT_DYNSYM, true);
  view.setBigUint64(ELF_HEADER_BYTES + 24, BigInt(symbolsAt), true);
  view.setBigUint64(ELF_HEADER_BYTES + 32, BigInt(namesAt - symbolsAt), true);
  view.setUint32(ELF_HEADER_BYTES + 40, 1, true); // the section of its names
  view.setBigUint64(ELF_HEADER_BYTES + SECTION_HEADER_BYTES + 24, BigInt(namesAt), true);
  for (let index = 0; index < SYMBOLS; index++) {
    const at = symbolsAt + index * SYMBOL_BYTES;
    view.setUint32(at, index, true); // suffixes of one long name
    view.setUint16(at + 6, 1, true); // it is defined
  }
  content.fill(0x78, namesAt, content.length - 1);
  return content;
}

/** A file that begins like a library for this machine. */
function libraryHeader(bytes: number): Uint8Array<ArrayBuffer> {
  const content = new Uint8Array(bytes);
  const view = new DataView(content.buffer);
  content.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 3, true); // ET_DYN
  view.setUint16(18, MACHINES[machine()] ?? 0, true);
  view.setUint32(20, 1, true);
  view.setUint16(52, ELF_HEADER_BYTES, true);
  return content;
}
