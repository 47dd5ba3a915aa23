/** One job of `run`: from its input to its output, or to the error. */

import { bytesOfInput, isPromise } from "./input_bytes.ts";
import type { CheckedJob } from "./options.ts";
import type { JobClient, SessionJobs } from "./session_jobs.ts";
import type { Codec, JobInput, JobOutput } from "./types.ts";

/**
 * Checks a job before its input is there. If the job cannot run, only that error is reported: an input that rejects
 * later is ignored, so that it is not an unhandled rejection.
 */
export function checkedBefore(
  input: JobInput | PromiseLike<JobInput>,
  check: () => CheckedJob,
): CheckedJob {
  try {
    const job = check();
    job.signal?.throwIfAborted();
    return job;
  } catch (error) {
    if (input instanceof Promise) input.catch(() => {}); // the caller gets this error
    throw error;
  }
}

/** An input of another type as bytes: at once, if it is there, as the caller may change it then. */
export function encoded<I>(
  input: I | PromiseLike<I>,
  codec: Pick<Codec<I, unknown>, "encode">,
): JobInput | PromiseLike<JobInput> {
  if (!isPromise(input)) return codec.encode(input);
  return Promise.resolve(input).then((value) => codec.encode(value));
}

/** The bytes of an input. They are copied now, unless they are yet to come. */
export function bytesToRun(
  input: JobInput | PromiseLike<JobInput>,
): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
  if (!isPromise(input)) return bytesOfInput(input);
  return Promise.resolve(input).then((value) => bytesOfInput(value));
}

/** Runs a job. Rejects with a `JobError`, with why it was abandoned, or with the reason of its signal. */
export function runJob(
  jobs: SessionJobs,
  client: JobClient,
  bytes: Uint8Array<ArrayBuffer>,
  { limits, signal }: CheckedJob,
): Promise<JobOutput> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      job.cancel();
      reject(signal?.reason);
    };
    const leave = () => signal?.removeEventListener("abort", onAbort);
    signal?.addEventListener("abort", onAbort); // first: the job may be refused at once
    const job = jobs.start(client, bytes, limits, {
      onEnded: (end) => {
        leave();
        if (end.ok) resolve(end.output);
        else reject(end.error);
      },
      onAbandoned: (error) => {
        leave();
        reject(error);
      },
    });
  });
}
