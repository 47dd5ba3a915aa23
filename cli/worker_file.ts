/** A list of workers in a file, which may change while a run goes on. */

import { stat } from "node:fs/promises";
import type { Address } from "../runtime/ports.ts";
import type { Log } from "../system/log.ts";
import { readWorkers } from "./usage.ts";

/** The file may lie on a file server, which tells of no changes: it is looked at this often. */
const LOOK_MS = 1_000;

/** Tells `onChange` what stands in `@FILE` whenever that changes. Returns what ends it. */
export function watchWorkers(
  list: string,
  onChange: (workers: Address[]) => void,
  log: Log,
): () => void {
  if (!list.startsWith("@")) return () => {};
  const file = list.slice(1);
  let seen = ""; // it may have changed since it was read
  let isLooking = false;
  const look = async () => {
    if (isLooking) return;
    isLooking = true;
    const stamp = await stampOf(file);
    if (stamp !== seen) {
      await readWorkers(list).then(
        onChange,
        (error) => log.warn(`${error.message}; going on as before`),
      );
    }
    seen = stamp;
    isLooking = false;
  };
  void look();
  const timer = setInterval(look, LOOK_MS);
  return () => clearInterval(timer);
}

/** What changes when the file does. */
async function stampOf(file: string): Promise<string> {
  const info = await stat(file, { bigint: true }).catch(() => undefined);
  return info ? `${info.ino} ${info.mtimeNs} ${info.size}` : "none";
}
