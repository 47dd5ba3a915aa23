/** The stderr of this process, which never blocks it, and the end of the process, which flushes stderr first. */

import process from "node:process";
import { systemClock } from "../runtime/clock.ts";
import type { Runtime } from "../runtime/ports.ts";
import { BoundedWriter } from "./bounded_writer.ts";

let writeBytes: Runtime["writeStderr"] = (bytes) => {
  process.stderr.write(bytes);
  return Promise.resolve();
};

/** Everything for stderr goes through this: `process.stderr.write` blocks on Deno while nobody reads. */
export const stderr = new BoundedWriter((bytes) => writeBytes(bytes), systemClock);

let ending: Promise<never> | undefined;

/** Has stderr written by the runtime. To be called before anything else. */
export function useStderrOf(runtime: Runtime): void {
  writeBytes = runtime.writeStderr;
}

/** Flushes stderr and ends this process. The first call decides the exit status. */
export function exit(code: number): Promise<never> {
  return ending ??= stderr.flush().then(() => process.exit(code));
}
