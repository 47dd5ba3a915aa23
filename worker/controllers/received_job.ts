/** The job in a frame from a controller. */

import {
  checkHugeHead,
  checkJob,
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
import { HugeInput } from "../slots/transport/huge_input.ts";

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
  if (frame.huge) return hugeJobIn(frame, frame.huge);
  if (type === MessageType.job) {
    checkJob(payload);
    return { payload, place, limits: NO_LIMITS };
  }
  if (type !== MessageType.limitedJob || version === 1) return undefined;
  const { job, limits } = readLimitedJob(payload);
  return { payload: job, place, limits };
}

/** The job in a frame whose payload was over the limit. */
function hugeJobIn({ type, payload }: Frame, huge: object): ReceivedJob {
  if (huge instanceof DiscardedBlob) throw new ProtocolError(huge.reason);
  if (!(huge instanceof HugeInput)) throw new TypeError("A huge payload is not an input of a job");
  try {
    checkHugeHead(payload, huge.bytes, "a job's input");
  } catch (error) {
    huge.release();
    throw error;
  }
  if (type === MessageType.job) return { payload, huge, limits: NO_LIMITS };
  const { job, limits } = readLimits(payload);
  return { payload: job, huge, limits };
}
