/** Files by which cores tell what they have done; `behave` and `destructor` write to them. */

import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../lib/processes.ts";

/** A file that is not there until a core writes to it, and is gone after the test. */
export class Trace implements AsyncDisposable {
  readonly path = join(tmpdir(), `dc-${randomUUID()}`);

  /** What was written so far. */
  async text(): Promise<string> {
    return await readFile(this.path, "utf8").catch(() => "");
  }

  /** Waits until what was written matches. */
  async matches(pattern: RegExp): Promise<void> {
    await eventually(`${pattern} is written`, async () => pattern.test(await this.text()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { force: true });
  }
}
