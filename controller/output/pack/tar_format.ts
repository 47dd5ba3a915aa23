/** Packs that are tars: one file per output. */

import type { PackEntry, PackFormat } from "./pack_entry.ts";
import { checkIsPath } from "./path_names.ts";
import {
  paddingOf,
  TAR_BLOCK_BYTES,
  TAR_END_BYTES,
  TAR_TIME_AT,
  TarHeaders,
} from "./tar_headers.ts";

const ZEROS = new Uint8Array(TAR_BLOCK_BYTES);

/** The padding of contents, by its size. */
const PADDINGS = Array.from({ length: TAR_BLOCK_BYTES }, (_, bytes) => ZEROS.subarray(0, bytes));

/** One object for all entries. */
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Writes tars. */
export function tarFormat(): PackFormat {
  const headers = new TarHeaders();
  const entry: Writable<PackEntry> = { before: ZEROS, content: ZEROS, after: ZEROS };
  return {
    head: ZEROS.subarray(0, 0),
    tail: new Uint8Array(TAR_END_BYTES),
    areNamesPaths: true,
    startOf: (name, bytes) => headers.of(name, bytes).subarray(0, TAR_TIME_AT),
    setTime: (ms) => headers.setTime(Math.floor(ms / 1000)),
    entryOf: (name, output) => {
      checkIsPath(name);
      entry.before = headers.of(name, output.byteLength);
      entry.content = output;
      entry.after = PADDINGS[paddingOf(output.byteLength)] as Uint8Array;
      return entry;
    },
  };
}
