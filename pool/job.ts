/** New jobs for the pool. */

import type { ClientId, CoreKey, EndpointId, Job } from "./types.ts";

/** Most jobs may go anywhere. */
const NOWHERE: readonly EndpointId[] = [];

/** A job that has not been sent yet. */
export function newJob<T>(
  client: ClientId,
  core: CoreKey,
  bytes: number,
  payload: T,
  nowMs: number,
): Job<T> {
  return {
    client,
    core,
    bytes,
    payload,
    queuedAtMs: nowMs,
    attempt: 0,
    sentAtMs: 0,
    ordinal: 0,
    alone: false,
    isOrphan: false,
    endpoint: undefined,
    dispatch: undefined,
    avoids: NOWHERE,
    isStrict: false,
    losses: 0,
    list: undefined,
    before: undefined,
    behind: undefined,
  };
}

/** A second copy of a job, which must not go where `avoids` says. */
export function copyOf<T>(
  job: Job<T>,
  avoids: readonly EndpointId[],
  nowMs: number,
): Job<T> {
  const copy = newJob(job.client, job.core, job.bytes, job.payload, nowMs);
  return Object.assign(copy, {
    attempt: job.attempt,
    losses: job.losses,
    avoids,
    isStrict: true,
  });
}
