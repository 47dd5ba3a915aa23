/** The compute cores of a simulation. Nobody loads them, but workers check that they look like libraries. */

import { type CoreImage, coreImage } from "../../controller/workers/core_image.ts";
import { host } from "../../system/host.ts";
import { concat, utf8 } from "../fixtures/peers/frames.ts";

/** The start of an ELF header: its magic, 64 bits, little-endian, version 1. */
const ELF_START = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1];
const MACH_O_FAT_MAGIC = [0xca, 0xfe, 0xba, 0xbe];

/** Where an ELF header says for which machine the library is, and what it says. */
const MACHINE_AT = 18;
const MACHINES: Readonly<Record<string, number>> = { x86_64: 0x3e, aarch64: 0xb7, riscv64: 0xf3 };

const HEADER_BYTES = 64;

/** A core of this name, for this machine. Each name has another content. */
export function simulatedCore(name: string): CoreImage {
  const { format, machine } = host();
  const header = new Uint8Array(HEADER_BYTES);
  header.set(format === "Mach-O" ? MACH_O_FAT_MAGIC : ELF_START);
  if (format !== "Mach-O") header[MACHINE_AT] = MACHINES[machine] ?? 0;
  return coreImage(`${name}.so`, concat(header, utf8(name)));
}
