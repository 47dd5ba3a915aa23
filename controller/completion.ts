/** What a cluster runs, and how that ends. */

import type { Job } from "../pool/types.ts";
import type { Answer } from "./worker_link.ts";

/** Something to run. */
export interface Task {
  /** Counts from 0 in a run; the job id on the wire. */
  readonly index: number;
  readonly input: Uint8Array<ArrayBuffer>;
}

/** A task's one and only end. */
export interface Completion<T extends Task> {
  readonly job: Job<T>;
  readonly answer: Answer;
  /** The worker that gave the answer. */
  readonly worker: string;
  readonly answeredAtMs: number;
}
