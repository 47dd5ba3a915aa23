/** How many files this process may have open at once. Connections count too. */

import { type ProcFiles, thisSystem } from "../runtime/proc_files.ts";

/** What systems usually allow, for one that does not say. */
const FILES_MAX_USUAL = 1_024;

/** The limit of the system for this process. */
export function openFilesMax(system: ProcFiles = thisSystem): number {
  const text = system.text("/proc/self/limits") ?? "";
  const [, limit] = /^Max open files\s+(\d+|unlimited)/m.exec(text) ?? [];
  return limit === "unlimited" ? Infinity : Number(limit ?? FILES_MAX_USUAL);
}
