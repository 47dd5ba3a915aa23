/** A library that makes its reader work: every entry of its tables is another long text in the same few bytes. */

import { machine } from "node:os";

const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const DYNAMIC_ENTRY_BYTES = 16;

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_RUNPATH = 29n;

const MACHINES: Readonly<Record<string, number>> = { x86_64: 0x3e, aarch64: 0xb7 };

/** Names that it needs, and folders in which each of them may be. */
const NEEDED = 4_000;
const FOLDERS = 2_000;

/** A library for this machine, of about a megabyte. */
export function craftedLibrary(bytes = 1_000_000): Uint8Array<ArrayBuffer> {
  const content = new Uint8Array(bytes);
  const view = new DataView(content.buffer);
  const dynamicAt = ELF_HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES;
  const entries: [bigint, bigint][] = [];
  const stringsAt = dynamicAt + (NEEDED + 3) * DYNAMIC_ENTRY_BYTES;
  const foldersAt = NEEDED + 2;
  for (let name = 0; name < NEEDED; name++) entries.push([DT_NEEDED, BigInt(1 + name)]);
  entries.push([DT_STRTAB, BigInt(stringsAt)], [DT_RUNPATH, BigInt(foldersAt)], [0n, 0n]);

  content.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 3, true); // ET_DYN
  view.setUint16(18, MACHINES[machine()] ?? 0, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(32, BigInt(ELF_HEADER_BYTES), true);
  view.setUint16(52, ELF_HEADER_BYTES, true);
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
