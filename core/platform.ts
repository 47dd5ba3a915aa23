/** The platforms that a library is built for, in the words in which a worker says its own: `linux-x86_64`. Pure. */

import { type CoreFacts, inspectCore } from "./inspect.ts";

type Library = Extract<CoreFacts, { readonly kind: "library" }>;

const SYSTEMS: Readonly<Record<Library["format"], string>> = {
  "ELF": "linux",
  "Mach-O": "darwin",
  "PE": "win32",
};

/** The platform of a library: only the system if it is for several kinds of machines; `undefined` for any other file. */
export function platformOf(content: Uint8Array): string | undefined {
  const facts = inspectCore(content);
  if (facts.kind !== "library") return undefined;
  const system = SYSTEMS[facts.format];
  return facts.machine === undefined ? system : `${system}-${facts.machine}`;
}

/**
 * The one of `libraries`, by their platforms, that a machine of this platform can load: rather one for its kind alone.
 */
export function libraryFor<T extends { readonly platform: string }>(
  libraries: readonly T[],
  platform: string,
): T | undefined {
  return libraries.find((library) => library.platform === platform) ??
    libraries.find((library) => platform.startsWith(`${library.platform}-`));
}
