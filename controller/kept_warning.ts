/** Warns of files that have the names of outputs of failed jobs, although no run has written them. */

import type { Log } from "../system/log.ts";

/** Takes the path of each such file. The first one stands for all: there may be as many as jobs. */
export function keptWarning(log: Pick<Log, "warn">): (path: string) => void {
  let isSaid = false;
  return (path) => {
    if (isSaid) return;
    isSaid = true;
    log.warn(
      `"${path}" stays, although its job has failed: the journal does not say that a run has ` +
        "written it; other such files stay, too",
    );
  };
}
