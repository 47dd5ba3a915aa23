/** What a format of packs is. */

/** The three parts of an entry. They are valid until the format makes the next entry. */
export interface PackEntry {
  readonly before: Uint8Array;
  /** The output as it stands in the pack. It stays valid as long as the output does. */
  readonly content: Uint8Array;
  readonly after: Uint8Array;
}

/** A format of packs. */
export interface PackFormat {
  /** What a pack begins with. */
  readonly head: Uint8Array;
  /** What it ends with. */
  readonly tail: Uint8Array;
  /** Whether the pack is unpacked to files with these names. */
  readonly areNamesPaths: boolean;
  /** What an entry begins with, whatever its output is; `bytes` is its size. */
  startOf(name: string, bytes: number): Uint8Array;
  /** Entries that follow are of this time, in milliseconds since 1970. */
  setTime(ms: number): void;
  /** The entry of an output. Throws an `OutputNameError` if the format cannot have it. */
  entryOf(name: string, output: Uint8Array): PackEntry;
  /** The same in parts, beside other work; `undefined`: `entryOf` takes no time that matters. */
  partsOf?(name: string, output: Uint8Array): AsyncIterable<Uint8Array> | undefined;
}
