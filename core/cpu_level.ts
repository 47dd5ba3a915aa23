/** The levels of x86-64 CPUs, and what a CPU lacks for a level. */

/** What each level adds to the one before, by the names in `/proc/cpuinfo`. */
const FLAGS: Readonly<Record<number, readonly string[]>> = {
  2: ["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"],
  3: ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"],
  4: ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"],
};

/** The highest known level. */
const LEVEL_MAX = 4;

/**
 * What a CPU lacks for a level. `cpuInfo`: the text of `/proc/cpuinfo`. Empty if it lacks nothing, if the
 * level is unknown, or if the text does not tell.
 */
export function missingCpuFlags(level: number, cpuInfo: string): string[] {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(cpuInfo)?.[1]?.trim().split(/\s+/));
  if (flags.size === 0 || level > LEVEL_MAX) return [];
  return Object.entries(FLAGS)
    .filter(([of]) => Number(of) <= level)
    .flatMap(([, names]) => names.filter((name) => !flags.has(name)));
}
