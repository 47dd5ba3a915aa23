/** What a program is told of a job that has ended. */

import type { Completion } from "../cluster/cluster_types.ts";
import type { SessionTask } from "./session_jobs.ts";
import type { EndedJob } from "./types.ts";

/** The event of a job that has ended. What is not known is missing. */
export function endedJob(completion: Completion<SessionTask>): EndedJob {
  const { job, answer, meter, measures = meter.measures(completion) } = completion;
  const { queuedAt, startedAt, runMs, cpuMs, memoryBytes, slot } = measures;
  const ok = answer.kind === "result" && answer.result.exitCode === 0;
  const where = { node: meter.worker?.node, slot };
  return { job: job.payload.index, ok, ...where, queuedAt, startedAt, runMs, cpuMs, memoryBytes };
}
