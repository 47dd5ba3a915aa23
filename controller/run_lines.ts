/** The lines of a journal about a run, and about the workers that join and leave it. */

import type { ClusterEvents, ClusterWorker, Task } from "./cluster/cluster_types.ts";
import type { Journal } from "./output/journal/journal.ts";
import type { WorkerEvent } from "./output/journal/journal_record.ts";

/** In one run. A worker may come and go as often as it likes, and the journal must not grow by that. */
const JOINS_MAX = 10_000;

/** Notes the begin of a run in its journal, and its workers. `onError`: it cannot be written. */
export function runLines(
  journal: Journal,
  onError: (error: unknown) => void,
): Pick<ClusterEvents<Task>, "onWorkerReady" | "onWorkerGone"> {
  journal.begin();
  let joins = 0;
  const noted = new Set<string>(); // whoever has joined in the journal leaves there too
  const add = (event: WorkerEvent) => {
    if (event.worker === "joined") {
      if (joins++ >= JOINS_MAX) return;
      noted.add(event.address);
    } else if (!noted.delete(event.address)) return;
    try {
      journal.addWorker(event);
    } catch (error) {
      onError(error);
    }
  };
  const of = ({ node, origin: address }: ClusterWorker) => ({ node, address });
  return {
    onWorkerReady: (worker) => {
      add({ worker: "joined", ...of(worker), slots: worker.slots });
    },
    onWorkerGone: (worker, { kind, reason }) => {
      add({ worker: "left", ...of(worker), reason: kind === "drained" ? "drained" : reason });
    },
  };
}
