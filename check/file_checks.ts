/** Checks of a core's file, without loading it. Pure. */

import type { ElfLibrary } from "../core/elf_library.ts";
import { exportedNames } from "../core/elf.ts";
import { CORE_FUNCTIONS, inspectCore, reasonNotToLoad } from "../core/inspect.ts";
import { type Lacking, lackingText } from "../core/lacking.ts";
import { mangledInstead } from "../core/mangled_names.ts";
import { type Finding, findingsOf } from "./finding.ts";

type Host = Parameters<typeof reasonNotToLoad>[1];

/** Libraries that every system with glibc has. */
const LIBRARIES_OF_GLIBC = /^(lib(c|m|dl|pthread|rt|util|resolv)|ld-linux[^/]*)\.so(\.\d)?$/;

/** Whether the file is a library for this machine. */
export function checkFile(content: Uint8Array, host: Host): Finding {
  const finding = findingsOf("file");
  const facts = inspectCore(content);
  const reason = reasonNotToLoad(
    facts.kind === "library" ? { ...facts, missing: [] } : facts,
    host,
  );
  if (reason) return finding.failed(reason);
  if (facts.kind !== "library") return finding.failed(facts.looksLike);
  return finding.ok(`${facts.format} library for ${facts.machine ?? "several kinds of machines"}`);
}

/** Whether the file has the functions of the compute core API, under their plain names. */
export function checkFunctions(content: Uint8Array): Finding {
  const finding = findingsOf("functions");
  const names = exportedNames(content);
  if (!names) {
    return finding.skipped("the symbols of this file cannot be read; loading it will show");
  }
  const missing = CORE_FUNCTIONS.filter((name) => !names.has(name));
  if (missing.length === 0) return finding.ok(`it has ${CORE_FUNCTIONS.join(", ")}`);
  const why = mangledInstead(missing, names) ??
    "are they static, or hidden by -fvisibility=hidden?";
  return finding.failed(`it lacks ${missing.join(", ")}; ${why}`);
}

/**
 * Whether this machine has the libraries that the core needs, and what other machines need. `lacking` and `library`
 * are undefined if that is unknown. `isBeside`: whether a library of this name lies in the folder of the core.
 */
export function checkLibraries(
  library: ElfLibrary | undefined,
  lacking: Lacking | undefined,
  isBeside: (name: string) => boolean = () => false,
): Finding {
  const finding = findingsOf("libraries");
  const text = lacking && lackingText(lacking);
  if (text !== undefined) {
    const beside = lacking?.libraries.find(({ name }) => isBeside(name))?.name;
    if (beside === undefined) return finding.failed(text);
    return finding.failed(
      `${text}; ${beside} lies beside the core: link that with -Wl,-rpath,'$ORIGIN'`,
    );
  }
  if (!library) {
    return finding.skipped("the needs of this file cannot be read; loading it will show");
  }
  const own = library.needed.filter((name) => !LIBRARIES_OF_GLIBC.test(name));
  const glibc = newestGlibc(library);
  const needs = [...glibc ? [`glibc ${glibc} or newer`] : [], ...own];
  return finding.ok(
    needs.length > 0 ? `each worker needs ${needs.join(", ")}` : "it needs no other library",
  );
}

function newestGlibc({ versionsNeeded }: ElfLibrary): string | undefined {
  const versions = versionsNeeded.flatMap(({ versions }) => versions)
    .map((version) => /^GLIBC_(\d+)\.(\d+)/.exec(version))
    .filter((match) => match !== null)
    .map(([, major, minor]) => [Number(major), Number(minor)] as const)
    .sort(([a, b], [c, d]) => a - c || b - d);
  return versions.at(-1)?.join(".");
}
