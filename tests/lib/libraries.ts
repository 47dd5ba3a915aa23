/** Small libraries that a test builds with the machine's C compiler, in a folder of its own. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";

const COMPILER = process.env.CC ?? "cc";

/** The functions of a core that returns 8 bytes. `worker_run_job` calls what `calls` says. */
export function coreSource(calls = "", declarations = ""): string {
  return `#include <stdint.h>
#include <stdlib.h>
${declarations}
int32_t worker_init(int32_t version) { return version != 1; }
int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata) {
  ${calls}
  *outsize = 8;
  *outdata = calloc(1, 8);
  return 0;
}
void worker_free_outdata(uint64_t size, void *outdata) { free(outdata); }
`;
}

/** A folder with libraries, gone at the end of the test. */
export class Libraries implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<Libraries> {
    return new Libraries(await mkdtemp(join(tmpdir(), "dc-libraries-")));
  }

  at(name: string): string {
    return join(this.path, name);
  }

  /** Builds `name` from C source. It is its own soname. Returns its path. */
  async build(name: string, source: string, ...flags: string[]): Promise<string> {
    const file = this.at(`${name}.c`);
    await writeFile(file, source);
    const command = ["-O1", "-fPIC", "-shared", `-Wl,-soname,${name}`, "-o", this.at(name), file];
    await promisify(execFile)(COMPILER, [...command, `-L${this.path}`, ...flags]);
    return this.at(name);
  }

  async write(name: string, content: string | Uint8Array): Promise<string> {
    await writeFile(this.at(name), content);
    return this.at(name);
  }

  async remove(name: string): Promise<void> {
    await rm(this.at(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
