/** Writes to stderr without blocking the process, and flushes stderr before the process exits. */

import { systemClock } from "../../runtime/clock.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { nodeProcess } from "../../runtime/this_process.ts";
import { BoundedWriter } from "./bounded_writer.ts";

let writeBytes: Runtime["writeStderr"] = (bytes) => {
  nodeProcess().stderr.write(bytes);
  return Promise.resolve();
};

/** The only writer of stderr: `process.stderr.write` of Deno blocks while the pipe is full. */
export const stderr = new BoundedWriter((bytes) => writeBytes(bytes), systemClock);

let ending: Promise<never> | undefined;

/** Makes the runtime write stderr. Call it before anything else. */
export function useStderrOf(runtime: Runtime): void {
  writeBytes = runtime.writeStderr;
}

/** Flushes stderr and ends this process. The first call decides the exit status. */
export function exit(code: number): Promise<never> {
  return ending ??= stderr.flush().then(() => nodeProcess().exit(code));
}
