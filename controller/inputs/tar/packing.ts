/** With what a tar is packed, by its first bytes. */

import type { Buffer } from "node:buffer";
import { compressionOf } from "../compression.ts";

/** With what the file is packed that begins with these bytes. Throws if that is not unpacked here. */
export function packingOf(first: Buffer): "gzip" | "zstd" | undefined {
  const compression = compressionOf(first);
  switch (compression) {
    case undefined: // a plain tar begins with the name of a file
    case "gzip":
    case "zstd":
      return compression;
    case "zip":
      throw new Error("it is a zip; unpack it, and name the folder: unzip FILE -d FOLDER");
  }
  throw new Error(
    `it is compressed with ${compression}; decompress it: ${compression} -dc FILE | distcomp run … --inputs -`,
  );
}
