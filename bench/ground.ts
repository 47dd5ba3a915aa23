/** What the smaller benchmarks share: a temporary folder, and C programs that are compiled into it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outputOf, ROOT } from "./programs.ts";

/** A temporary folder. */
export class Ground implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "distcomp-bench-"));

  /** Compiles `bench/programs/NAME.c` into a program. Returns its path. */
  program(name: string): Promise<string> {
    return this.#compile(name, name, ["-ldl"]);
  }

  /** Compiles it into a compute core. `as`: the name of the core; `flags`: for the compiler. */
  core(name: string, as: string, flags: readonly string[]): Promise<string> {
    return this.#compile(name, `${as}.so`, ["-fPIC", "-shared", ...flags]);
  }

  async #compile(name: string, as: string, flags: readonly string[]): Promise<string> {
    const path = join(this.folder, as);
    await outputOf(["cc", "-O2", "-o", path, join(ROOT, `bench/programs/${name}.c`), ...flags]);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}
