/** What a run says of itself: its progress, and what it is doing at one moment. */

import type { ClusterView } from "./cluster/cluster_view.ts";
import type { ClusterStatus } from "./cluster/cluster_types.ts";
import type { ReadyTask } from "./inputs/source.ts";
import type { RunEnding } from "./output/journal/run_ending.ts";
import type { JobCounts } from "./job_counter.ts";

/** The progress of a run. */
export interface RunStatus extends ClusterStatus, JobCounts {
  /** `draining`: it starts no more jobs. `ending`: it waits for no more jobs. */
  readonly phase: "running" | "draining" | "ending";
  /** How the run has ended, once it waits for no more jobs. */
  readonly ending?: RunEnding | undefined;
  readonly elapsedMs: number;
  /** The fraction of the slots' time in which they had a job, 0 to 1. */
  readonly busyPart: number;
}

/** What a run is doing at one moment. */
export interface RunView extends ClusterView<ReadyTask> {
  readonly status: RunStatus;
  /** Whether there may be more inputs. */
  readonly isReading: boolean;
  /** Results come faster than they can be written, so that workers have to wait. */
  readonly waitsForOutputs: boolean;
}
