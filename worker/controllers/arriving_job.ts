/** The large job that is arriving on a connection: it is read to where the slot that will run it finds it. */

import {
  type FindPlace,
  JOB_LIMITS_BYTES,
  JOB_PREFIX_BYTES,
  MessageType,
} from "../../protocol/mod.ts";
import type { JobPlace } from "../job.ts";
import type { Executor } from "../slots/executor.ts";
import type { CurrentCore } from "./current_core.ts";

/** The place of the payload that is arriving. */
export class ArrivingJob {
  readonly #cores: Pick<CurrentCore, "ready">;
  readonly #executor: Pick<Executor, "place">;
  #payload: Uint8Array | undefined;
  #place: JobPlace | undefined;

  constructor(cores: Pick<CurrentCore, "ready">, executor: Pick<Executor, "place">) {
    this.#cores = cores;
    this.#executor = executor;
  }

  /** A message of this type begins, whose payload has so many bytes. */
  readonly findPlace: FindPlace = (type, payloadBytes) => {
    const isLimited = type === MessageType.limitedJob;
    const core = type === MessageType.job || isLimited ? this.#cores.ready : undefined;
    const limitsBytes = isLimited ? JOB_LIMITS_BYTES : 0;
    const place = core &&
      this.#executor.place(core, payloadBytes, limitsBytes + JOB_PREFIX_BYTES);
    if (!place) return undefined;
    this.#payload = place.payload;
    this.#place = { ...place, payload: place.payload.subarray(limitsBytes) };
    const { payload: bytes, withHeader } = place;
    return { bytes, withHeader, release: () => place.release() };
  };

  /** A message has arrived. Gives its place, which is the caller's then, if it has one. */
  onArrived(payload: Uint8Array): JobPlace | undefined {
    if (payload !== this.#payload) return undefined;
    const place = this.#place;
    this.#payload = undefined;
    this.#place = undefined;
    return place;
  }
}
