/** Converts paths to what `node:fs` takes: the one place where names become bytes. */

import type { Buffer } from "node:buffer";
import process from "node:process";
import { bytesOfName, isUtf8Name, shownName } from "./file_name.ts";

/** `node:fs` of Deno takes bytes, and then opens or makes a file of another name. */
const TAKES_BYTES = process.versions["deno"] === undefined;

/** A path that this runtime cannot open, because a name in it is not UTF-8. */
class NotUtf8Error extends Error {
  override name = "NotUtf8Error";
  readonly code = "EILSEQ";

  constructor(readonly path: string) {
    super(
      `the path "${shownName(path)}" is not UTF-8, and Deno cannot open it; ` +
        "rename the file, or use the executable that ./compile.sh --runtime bun builds",
    );
  }
}

/** The path for `node:fs`. Throws a `NotUtf8Error`. */
export function nativePath(path: string): string | Buffer {
  if (isUtf8Name(path)) return path;
  if (TAKES_BYTES) return bytesOfName(path);
  throw new NotUtf8Error(path);
}
