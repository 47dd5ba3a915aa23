/** Reports the parts of the executable and their sizes, as `compile.sh` lists them for the current sources. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const COMPILE = fileURLToPath(new URL("../compile.sh", import.meta.url));

const BYTES_BY_UNIT: Record<string, number> = { B: 1, KB: 1e3, MB: 1e6 };

/** The size of each part in bytes: the runtime, distcomp's modules, each package, the compiled bytecode. */
export function partsOfExecutable(): Record<string, number> {
  const folder = mkdtempSync(join(tmpdir(), "distcomp-size-"));
  try {
    const listing = execFileSync(COMPILE, ["--list", "-o", folder], {
      env: { ...process.env, NO_COLOR: "1" },
      encoding: "utf8",
    });
    const ofDeno = /^Files: ([\d.]+)(\w+)$/m.exec(listing);
    if (ofDeno) return partsOfDeno(statSync(join(folder, "distcomp")).size, ofDeno);
    const parts = [...listing.matchAll(/^ *(\d+) (\S+)$/gm)];
    return Object.fromEntries(parts.map(([, bytes, part]) => [part, Number(bytes)]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Splits the size: `deno compile` reports how much it embeds, and the rest is its base runtime. */
function partsOfDeno(total: number, [, size, unit]: RegExpExecArray): Record<string, number> {
  const embedded = Math.round(Number(size) * (BYTES_BY_UNIT[unit as string] ?? 1));
  return { runtime: total - embedded, "distcomp and packages": embedded };
}
