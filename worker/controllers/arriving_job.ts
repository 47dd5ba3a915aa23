/** The large job that is arriving on a connection: it is read to where the slot that will run it finds it. */

import {
  type FindHugePlace,
  type FindPlace,
  JOB_LIMITS_BYTES,
  JOB_PREFIX_BYTES,
  messageBytesMax,
  MessageType,
  PayloadTooLargeError,
} from "../../protocol/mod.ts";
import type { JobPlace } from "../job.ts";
import type { Executor } from "../slots/executor.ts";
import { type PartPlaceNeeds, partPlaces } from "./part_places.ts";
import type { CurrentCore } from "./current_core.ts";

/** What the places of all connections need. */
type PlaceContext = Pick<PartPlaceNeeds, "store" | "room" | "coreLock"> & {
  readonly takesHugeInputs: boolean;
};

/** The place of the payload that is arriving. */
export class ArrivingJob {
  readonly #cores: Pick<CurrentCore, "ready" | "problem">;
  readonly #executor: Pick<Executor, "place" | "hugeInputs">;
  /** Which version the connection speaks. */
  readonly #version: () => number;
  #payload: Uint8Array | undefined;
  #place: JobPlace | undefined;

  constructor(
    cores: Pick<CurrentCore, "ready" | "problem">,
    executor: Pick<Executor, "place" | "hugeInputs">,
    version: () => number,
  ) {
    this.#cores = cores;
    this.#executor = executor;
    this.#version = version;
  }

  /** How large payloads may be, and where they go, within the limit of the worker and beyond it. */
  places(context: PlaceContext, paced: PartPlaceNeeds["paced"]) {
    const { takesHugeInputs } = context;
    const own = { version: this.#version, cores: this.#cores, paced };
    return {
      findPartPlace: partPlaces({ ...context, ...own }),
      limitPayload: (type: number) => messageBytesMax(type, this.#version()),
      findPlace: this.findPlace,
      findHugePlace: takesHugeInputs ? this.findHugePlace : undefined,
    };
  }

  /** A message of this type begins, with a payload of this many bytes. */
  readonly findPlace: FindPlace = (type, payloadBytes) => {
    const limitsBytes = limitsBytesOf(type);
    const core = limitsBytes === undefined ? undefined : this.#cores.ready;
    if (!core || limitsBytes === undefined) return undefined;
    const place = this.#executor.place(core, payloadBytes, limitsBytes + JOB_PREFIX_BYTES);
    if (!place) return undefined;
    this.#payload = place.payload;
    this.#place = { ...place, payload: place.payload.subarray(limitsBytes) };
    const { payload: bytes, withHeader } = place;
    return { bytes, withHeader, release: () => place.release() };
  };

  /** The same for a payload that is over the limit. Only a job may be, if its input can have a place. */
  readonly findHugePlace: FindHugePlace = (type, id, payloadBytes) => {
    const limitsBytes = limitsBytesOf(type);
    if (limitsBytes === undefined || this.#cores.problem !== undefined) return undefined;
    if (limitsBytes > 0 && this.#version() === 1) return undefined;
    const headBytes = limitsBytes + JOB_PREFIX_BYTES;
    const bytes = payloadBytes - headBytes;
    const { hugeInputs } = this.#executor;
    const { bytesMax } = hugeInputs;
    if (bytes > bytesMax) throw new PayloadTooLargeError(id, payloadBytes, bytesMax + headBytes);
    return hugeInputs.place(this.#cores.ready?.key, bytes, headBytes);
  };

  /** A message has arrived. Returns its place, which is the caller's then, if it has one. */
  onArrived(payload: Uint8Array): JobPlace | undefined {
    if (payload !== this.#payload) return undefined;
    const place = this.#place;
    this.#payload = undefined;
    this.#place = undefined;
    return place;
  }
}

/** Bytes of the limits in a message with a job of this type; `undefined` if it has none. */
function limitsBytesOf(type: number): number | undefined {
  if (type === MessageType.job) return 0;
  return type === MessageType.limitedJob ? JOB_LIMITS_BYTES : undefined;
}
