/** The lines of a journal about a run, and about the workers that join and leave it. */

import type { ClusterEvents, Task, WorkerState } from "./cluster/task.ts";
import type { Journal } from "./output/journal.ts";
import type { WorkerEvent } from "./output/journal_record.ts";

/** Lines of one run. A worker may come and go as often as it likes, and the journal must not grow by that. */
const LINES_MAX = 10_000;

/** Notes the begin of a run in its journal, and its workers. `onError`: it cannot be written. */
export function runLines(
  journal: Journal,
  onError: (error: unknown) => void,
): Pick<ClusterEvents<Task>, "onWorkerReady" | "onWorkerGone"> {
  journal.begin();
  let lines = 0;
  const add = (event: WorkerEvent) => {
    if (lines++ >= LINES_MAX) return;
    try {
      journal.addWorker(event);
    } catch (error) {
      onError(error);
    }
  };
  const of = ({ node, origin: address }: WorkerState) => ({ node, address });
  return {
    onWorkerReady: (worker) => {
      add({ worker: "joined", ...of(worker), slots: worker.slots });
    },
    onWorkerGone: (worker, { kind, reason }) => {
      add({ worker: "left", ...of(worker), reason: kind === "drained" ? "drained" : reason });
    },
  };
}
