/** The formats of packs. A pack is a file that grows by one entry per output. */

import { csvFormat, jsonlFormat } from "./text_formats.ts";
import { tarFormat } from "./tar_format.ts";
import type { PackEntry, PackFormat } from "./pack_entry.ts";

export type { PackEntry, PackFormat };

/** The formats by the ends of names. */
const FORMATS: readonly (readonly [string, () => PackFormat])[] = [
  [".tar", tarFormat],
  [".jsonl", jsonlFormat],
  [".csv", csvFormat],
];

/** The end of the name of a pack that is packed with zstd, behind that of its format. */
const ZSTD_ENDING = ".zst";

/** The ends of names, for messages. */
export const PACK_ENDINGS = ["", ZSTD_ENDING].flatMap((zstd) =>
  FORMATS.map(([ending]) => ending + zstd)
);

/** The format of the pack with this name; `undefined` if its end says nothing. */
export function packFormatOf(path: string): PackFormat | undefined {
  const name = isZstdPack(path) ? path.slice(0, -ZSTD_ENDING.length) : path;
  return FORMATS.find(([ending]) => name.endsWith(ending))?.[1]();
}

/** Whether the pack with this name is packed with zstd. */
export function isZstdPack(path: string): boolean {
  return path.endsWith(ZSTD_ENDING);
}
