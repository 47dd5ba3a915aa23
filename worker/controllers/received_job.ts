/** The job in a frame from a controller. */

import {
  checkJob,
  checkLargeHead,
  DiscardedBlob,
  type Frame,
  type JobLimits,
  MessageType,
  NO_LIMITS,
  ProtocolError,
  readLimitedJob,
  readLimits,
} from "../../protocol/mod.ts";
import type { JobPlace, PlacedPayload } from "../job.ts";
import { LargeInput } from "../slots/large_input.ts";

/** A job that was received, and its limits. */
export interface ReceivedJob extends PlacedPayload {
  readonly limits: JobLimits;
}

/**
 * The job in a frame, whose payload is in this place if it has one; `undefined` if the frame is of another type. On the
 * hot path. Throws a `ProtocolError`.
 */
export function jobIn(
  frame: Frame,
  version: number,
  place: JobPlace | undefined,
): ReceivedJob | undefined {
  const { type, payload } = frame;
  if (frame.large) return largeJobIn(frame, frame.large);
  if (type === MessageType.job) {
    checkJob(payload);
    return { payload, place, limits: NO_LIMITS };
  }
  if (type !== MessageType.limitedJob || version === 1) return undefined;
  const { job, limits } = readLimitedJob(payload);
  return { payload: job, place, limits };
}

/** The job in a frame whose payload was over the limit. */
function largeJobIn({ type, payload }: Frame, large: object): ReceivedJob {
  if (large instanceof DiscardedBlob) throw new ProtocolError(large.reason);
  if (!(large instanceof LargeInput)) throw new TypeError("A large payload is no input of a job");
  try {
    checkLargeHead(payload, large.bytes, "a job's input");
  } catch (error) {
    large.release();
    throw error;
  }
  if (type === MessageType.job) return { payload, large, limits: NO_LIMITS };
  const { job, limits } = readLimits(payload);
  return { payload: job, large, limits };
}
