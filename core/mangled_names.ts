/** The names that compilers of other languages than C make of the names of functions. Pure. */

/**
 * Which exported name stands for one of the missing functions, and what makes it the plain one; `undefined` if none
 * does.
 */
export function mangledInstead(
  missing: readonly string[],
  exported: ReadonlySet<string>,
): string | undefined {
  const mangled = missing.map((name) => mangledName(name, exported)).find((name) => name);
  return mangled && `it has ${mangled}: ${cure(mangled)}`;
}

function mangledName(name: string, exported: ReadonlySet<string>): string | undefined {
  const piece = `${name.length}${name}`;
  return [...exported].find((other) => other !== name && other.includes(piece)) ??
    [...exported].find((other) => other.toLowerCase() === `${name}_` || other === `_${name}`);
}

function cure(mangled: string): string {
  if (/^_R|^_ZN.*17h[0-9a-f]{16}E$/.test(mangled)) {
    return 'declare it #[unsafe(no_mangle)] pub extern "C" fn';
  }
  if (mangled.startsWith("_Z")) return 'declare it extern "C"';
  if (mangled.startsWith("_D")) return "declare it extern (C)";
  return mangled.endsWith("_") ? "declare it with bind(C)" : "export it under its plain name";
}
