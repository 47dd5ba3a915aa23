/** The compute core of a run: the content of a library file, checked before it is sent. */

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename } from "../../runtime/path.ts";
import { inspectCore, reasonNotToLoad } from "../../core/inspect.ts";
import type { CoreKey } from "../../pool/types.ts";
import { nativePath } from "../../runtime/native_path.ts";
import { host } from "../../system/host.ts";
import { reasonOf } from "../../runtime/error_text.ts";

/** A compute core to send. */
export interface CoreImage {
  readonly key: CoreKey;
  /** The name for messages. */
  readonly name: string;
  readonly content: Uint8Array<ArrayBuffer>;
}

/** The file is not a compute core, or is built for another kind of machine. */
export class CoreFileError extends Error {
  /** The name of this class of errors. */
  override name = "CoreFileError";

  /** The error for `file`, with the reason `why` it cannot be used. */
  constructor(file: string, why: string, options?: ErrorOptions) {
    super(`Cannot use "${file}" as a compute core: ${why}`, options);
  }
}

/** Reads and checks a core. `isLocal`: this machine will load it, so it must be built for this machine. */
export async function readCoreImage(file: string, isLocal: boolean): Promise<CoreImage> {
  const content = await readContent(file);
  const facts = inspectCore(content);
  // Workers on other machines may differ from this one, and report themselves what they cannot load.
  const { machine = "", format } = isLocal || facts.kind !== "library" ? host() : facts;
  const reason = reasonNotToLoad(facts, { machine, format });
  if (reason) throw new CoreFileError(file, reason);
  return coreImage(basename(file), content);
}

/** A core whose content is in memory. */
export function coreImage(name: string, bytes: Uint8Array): CoreImage {
  const content = bytes.buffer instanceof ArrayBuffer
    ? bytes as Uint8Array<ArrayBuffer>
    : bytes.slice();
  const key = createHash("sha256").update(content).digest("hex") as CoreKey;
  return { key, name, content };
}

async function readContent(file: string): Promise<Uint8Array> {
  try {
    if (!(await stat(nativePath(file))).isDirectory()) return await readFile(nativePath(file));
  } catch (cause) {
    throw new CoreFileError(file, reasonOf(cause), { cause });
  }
  throw new CoreFileError(file, "it is a folder");
}
