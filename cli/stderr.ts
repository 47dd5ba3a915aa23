/** This process's stderr, which never stops it, and its end, before which stderr is written. */

import process from "node:process";
import type { Runtime } from "../runtime/ports.ts";
import { Outbox } from "./outbox.ts";

let write: Runtime["writeStderr"] = (bytes) => {
  process.stderr.write(bytes);
  return Promise.resolve();
};

/** What is to be written there. The runtime's own way (`process.stderr`) may block, and is not for us. */
export const stderr = new Outbox((bytes) => write(bytes));

let ending: Promise<never> | undefined;

/** To be called first: from now on nobody who doesn't read there stops this process. */
export function useStderrOf(runtime: Runtime): void {
  write = runtime.writeStderr;
}

/** Ends this process when stderr is written. The first word counts. */
export function exit(code: number): Promise<never> {
  return ending ??= stderr.flush().then(() => process.exit(code));
}
