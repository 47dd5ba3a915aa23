/** Reads the file of a compute core, and checks it without loading it. */

import { readFile, stat } from "node:fs/promises";
import { exportedNames } from "../core/elf.ts";
import { type CoreFacts, inspectCore, reasonNotToLoad } from "../core/inspect.ts";
import { mangledInstead } from "../core/mangled_names.ts";
import { reasonOf } from "../runtime/error_text.ts";
import { nativePath } from "../runtime/files/native_path.ts";
import { host } from "./host.ts";

/** The file is not a compute core, is built for another kind of machine, or what comes with it cannot be used. */
export class CoreFileError extends Error {
  /** The name of this class of errors. */
  override name = "CoreFileError";

  /** The error for `file`, with the reason `why` it cannot be used. */
  constructor(file: string, why: string, options?: ErrorOptions) {
    super(`Cannot use "${file}" as a compute core: ${why}`, options);
  }
}

/** Reads and checks a core. `isLocal`: this machine will load it, so it must be built for this machine. */
export async function readCoreFile(
  file: string,
  isLocal: boolean,
): Promise<Uint8Array<ArrayBuffer>> {
  const content = await readContent(file);
  const facts = inspectCore(content);
  // Workers on other machines may differ from this one, and report themselves what they cannot load.
  const { machine = "", format } = isLocal || facts.kind !== "library" ? host() : facts;
  const reason = reasonNotToLoad(facts, { machine, format });
  if (!reason) return content;
  const instead = otherNames(facts, content);
  throw new CoreFileError(file, instead ? `${reason}; ${instead}` : reason);
}

/** What the file has in place of missing functions, as after a compiler of C++ that was not told to keep their names. */
function otherNames(facts: CoreFacts, content: Uint8Array): string | undefined {
  if (facts.kind !== "library" || facts.missing.length === 0) return undefined;
  return mangledInstead(facts.missing, exportedNames(content) ?? new Set());
}

async function readContent(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    if (!(await stat(nativePath(file))).isDirectory()) {
      return new Uint8Array(await readFile(nativePath(file)));
    }
  } catch (cause) {
    throw new CoreFileError(file, reasonOf(cause), { cause });
  }
  throw new CoreFileError(file, "it is a folder; name the core first, and then its inputs");
}
