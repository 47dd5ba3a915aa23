/**
 * Keeps the executable of a worker that ssh has started. Executables that nobody has started for 90 days are removed
 * from a node (`up/node_scripts.ts`), and a worker that runs for longer needs its own for each slot that it starts.
 */

import { utimes } from "node:fs/promises";
import type { Clock, Timer } from "../runtime/clock.ts";

/** What is in the cache of a node. */
const COPIED = /\/distcomp\/distcomp-[0-9a-f]{32}$/;

/** So rarely that it costs nothing, and often enough that a few failures do not matter. */
const TOUCH_MS = 86_400_000;

/** Says once a day that the executable at `path` is in use, also to other nodes with the same home. */
export function keepExecutable(
  clock: Pick<Clock, "date" | "every">,
  path: string,
): Timer | undefined {
  if (!COPIED.test(path)) return undefined;
  return clock.every(TOUCH_MS, () => {
    const seconds = clock.date() / 1_000;
    void utimes(path, seconds, seconds).catch(() => {}); // it is read-only, or gone already
  });
}
