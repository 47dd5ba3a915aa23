/** How much memory a process may map. Runtimes map far more than they use, and report a refusal as something else. */

import { fs } from "./late_modules.ts";

/** What the loader says where the system refuses to map a library. */
const NOT_MAPPED = /failed to map|cannot map|Cannot allocate memory|Out of memory/;

/** A clause for an error that a limit may explain; empty if there is none. The number is what `ulimit -v` takes. */
export function addressSpaceNote(limits = ownLimits): string {
  const [, bytes] = /^Max address space\s+(\d+)/m.exec(limits()) ?? [];
  return bytes === undefined
    ? ""
    : `; its address space is limited (ulimit -v ${Number(bytes) / 1024}), perhaps to too little`;
}

/** Why a library cannot be loaded, with the limit if that may be why. */
export function loadProblem(reason: string, limits = ownLimits): string {
  return NOT_MAPPED.test(reason) ? reason + addressSpaceNote(limits) : reason;
}

/** What Linux says of this process. */
function ownLimits(): string {
  try {
    return fs().readFileSync("/proc/self/limits", "utf8");
  } catch {
    return ""; // other systems do not say
  }
}
