/** Lists of CPUs as Linux writes them: `0-3,8`. */

/** The CPUs in a list, in ascending order. Parts that are not numbers or ranges are left out. */
export function parseCpuList(text: string): number[] {
  const cpus = new Set<number>();
  for (const part of text.trim().split(",")) {
    const [, first, last = first] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    for (let cpu = Number(first); cpu <= Number(last); cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((one, other) => one - other);
}

/** The shortest list of some CPUs. */
export function formatCpuList(cpus: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const cpu of [...cpus].sort((one, other) => one - other)) {
    const range = ranges.at(-1);
    if (range && cpu <= range.last + 1) range.last = cpu;
    else ranges.push({ first: cpu, last: cpu });
  }
  return ranges.map(({ first, last }) => first === last ? `${first}` : `${first}-${last}`)
    .join(",");
}
