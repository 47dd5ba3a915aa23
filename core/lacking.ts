/** What a machine lacks to load a library, and a sentence about it. */

import { oneLine } from "./one_line.ts";

/** What a machine lacks. */
export interface Lacking {
  readonly libraries: readonly {
    readonly name: string;
    /** The library that needs it; `undefined` for the core itself. */
    readonly neededBy: string | undefined;
  }[];
  /** Versions of symbols that a library of this machine does not have. */
  readonly versions: readonly {
    readonly library: string;
    readonly missing: readonly string[];
    /** All that it has. */
    readonly defined: ReadonlySet<string>;
    readonly neededBy: string | undefined;
  }[];
}

/** The most that are named in one sentence. */
const NAMED_MAX = 20;

const LIBC = "libc.so.6";
const GLIBC_VERSION = /^GLIBC_(\d+(?:\.\d+)*)$/;

/** Clauses such as `this machine lacks libfoo.so.1`; `undefined` if it lacks nothing. */
export function lackingText({ libraries, versions }: Lacking): string | undefined {
  const clauses = [
    ...(libraries.length > 0 ? [`this machine lacks ${named(libraries.map(libraryText))}`] : []),
    ...versions.map(versionText),
  ];
  return clauses.length > 0 ? oneLine(clauses.join("; ")) : undefined;
}

/** All names in `lacking`, to see whether another text is about the same. */
export function namesOf({ libraries, versions }: Lacking): string[] {
  return [...libraries.map(({ name }) => name), ...versions.flatMap(({ missing }) => missing)];
}

function libraryText({ name, neededBy }: Lacking["libraries"][number]): string {
  return neededBy === undefined ? name : `${name} (for ${neededBy})`;
}

function versionText({ library, missing, defined, neededBy }: Lacking["versions"][number]): string {
  const subject = neededBy ?? "it";
  const needed = newest(missing);
  const own = newest([...defined]);
  if (library === LIBC && needed && own && newer(needed, own) === needed) {
    return `${subject} needs glibc ${needed}, this machine has ${own}`;
  }
  return `${subject} needs ${named(missing)}, which ${library} of this machine lacks`;
}

function named(names: readonly string[]): string {
  const more = names.length - NAMED_MAX;
  const shown = names.slice(0, NAMED_MAX).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** The newest version of glibc among versions of symbols, such as `2.38`. */
function newest(versions: readonly string[]): string | undefined {
  return versions
    .map((version) => GLIBC_VERSION.exec(version)?.[1])
    .filter((version) => version !== undefined)
    .reduce<string | undefined>(
      (best, version) => best ? newer(best, version) : version,
      undefined,
    );
}

function newer(one: string, other: string): string {
  const [a, b] = [one, other].map((version) => version.split(".").map(Number)) as [
    number[],
    number[],
  ];
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference > 0 ? one : other;
  }
  return one;
}
