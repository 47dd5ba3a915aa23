/** The compute cores of a simulation. Nobody loads them, but workers check that they look like libraries. */

import { type CoreImage, coreImage } from "../../controller/workers/core_image.ts";
import { host } from "../../system/host.ts";
import { concat, utf8 } from "../fixtures/peers/frames.ts";

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];
const MACH_O_FAT_MAGIC = [0xca, 0xfe, 0xba, 0xbe];

/** The bytes that say for which machine a library is; these fit every machine. */
const HEADER_BYTES = 64;

/** A core of this name. Each name has another content. */
export function simulatedCore(name: string): CoreImage {
  const magic = host().format === "Mach-O" ? MACH_O_FAT_MAGIC : ELF_MAGIC;
  const header = new Uint8Array(HEADER_BYTES).fill(0xff);
  header.set(magic);
  return coreImage(`${name}.so`, concat(header, utf8(name)));
}
