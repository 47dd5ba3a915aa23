/** The messages that protocol version 2 adds, and their responses: payload bytes to values and back. */

import { MalformedPayloadError, UnknownTypeError } from "./errors.ts";
import { encodeFrame, type Frame, MessageType, ResponseType } from "./frame.ts";
import { ERROR_TEXT_BYTES_MAX, JOB_LIMITS_BYTES } from "./limits.ts";
import { checkJob, decodeError, decodeMessage, type Message } from "./message.ts";
import { NO_PAYLOAD, PayloadReader, PayloadWriter } from "./payload.ts";
import { readUint32, readUint64, type Uint64 } from "./uint64.ts";

/** The newest version that this folder supports. It supports all earlier ones, too. */
export const LATEST_VERSION = 2;

/** Bytes of a SHA-256. */
const DIGEST_BYTES = 32;

/** Bytes of the id of a worker process. */
export const INSTANCE_BYTES = 16;

/** What a job may use at most; 0 means no limit. */
export interface JobLimits {
  /** How long it may run. */
  readonly timeMs: number;
  /** How much memory its process may use. */
  readonly memoryBytes: number;
}

/** No limits. */
export const NO_LIMITS: JobLimits = { timeMs: 0, memoryBytes: 0 };

/** What a worker says about itself. */
export interface WorkerDescription {
  /** The id of its process, hexadecimal: the same on two connections to one process. */
  readonly instance: string;
  readonly slots: number;
  /** 0 if unknown. */
  readonly memoryBytes: number;
  readonly platform: string;
  readonly software: string;
  readonly machine: string;
  /** SHA-256 of the cores that it still has, hexadecimal. */
  readonly cores: readonly string[];
}

/** How busy a worker is, with all its controllers. */
export interface WorkerLoad {
  readonly slotsBusy: number;
  readonly jobsWaiting: number;
  /** 0 if unknown. */
  readonly memoryFreeBytes: number;
}

/** The kind of a failure. */
export type FailureKindName =
  | "other"
  | "protocol"
  | "core"
  | "crash"
  | "timeout"
  | "memory"
  | "cancelled"
  | "draining"
  | "killed";

/** The kinds as numbers on the wire. */
export const FailureKind: Readonly<Record<FailureKindName, number>> = {
  other: 0,
  protocol: 1,
  core: 2,
  crash: 3,
  timeout: 4,
  memory: 5,
  cancelled: 6,
  draining: 7,
  killed: 8,
};

const KIND_NAMES = Object.keys(FailureKind) as FailureKindName[];

/** What a controller may send on a connection of version 2, except jobs with limits. */
export type Message2 =
  | Message
  | { readonly type: "describe"; readonly id: Uint64 }
  | {
    readonly type: "choose";
    readonly id: Uint64;
    /** SHA-256, hexadecimal. */
    readonly core: string;
    readonly name: string;
  }
  | { readonly type: "cancel"; readonly id: Uint64; readonly message: Uint64 }
  | { readonly type: "ping"; readonly id: Uint64 };

/** The payload of a job with limits, decoded without a copy. */
export interface LimitedJob {
  readonly attempt: number;
  readonly limits: JobLimits;
  /** The payload of the same job without limits, as in version 1. */
  readonly job: Uint8Array<ArrayBuffer>;
}

/** Bytes of a whole "describe". */
export function encodeDescribe(id: Uint64): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: MessageType.describe, id, payload: NO_PAYLOAD });
}

/** Bytes of a whole "choose compute core". `core` is its SHA-256, hexadecimal. */
export function encodeChoose(id: Uint64, core: string, name: string): Uint8Array<ArrayBuffer> {
  const payload = new PayloadWriter().hex(core).string(name).bytes();
  return encodeFrame({ type: MessageType.choose, id, payload });
}

/** Bytes of a whole "cancel" of the job that came with the message `message`. */
export function encodeCancel(id: Uint64, message: Uint64): Uint8Array<ArrayBuffer> {
  const payload = new PayloadWriter().uint64(message).bytes();
  return encodeFrame({ type: MessageType.cancel, id, payload });
}

/** Bytes of a whole ping. */
export function encodePing(id: Uint64): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: MessageType.ping, id, payload: NO_PAYLOAD });
}

/** Bytes of a whole response to "describe". */
export function encodeDescription(id: Uint64, worker: WorkerDescription): Uint8Array<ArrayBuffer> {
  const payload = new PayloadWriter()
    .hex(worker.instance)
    .uint32(worker.slots)
    .uint64(worker.memoryBytes)
    .string(worker.platform)
    .string(worker.software)
    .string(worker.machine)
    .uint32(worker.cores.length)
    .hex(worker.cores.join(""))
    .bytes();
  return encodeFrame({ type: ResponseType.ok, id, payload });
}

/** Bytes of a whole response to "choose compute core". */
export function encodeChooseResponse(id: Uint64, isLoaded: boolean): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: ResponseType.ok, id, payload: Uint8Array.of(isLoaded ? 1 : 0) });
}

/** Bytes of a whole response to a ping. */
export function encodeWorkerLoad(id: Uint64, load: WorkerLoad): Uint8Array<ArrayBuffer> {
  const payload = new PayloadWriter()
    .uint32(load.slotsBusy)
    .uint64(load.jobsWaiting)
    .uint64(load.memoryFreeBytes)
    .bytes();
  return encodeFrame({ type: ResponseType.ok, id, payload });
}

/** Bytes of a whole response that only says that something is done. */
export function encodeDone(id: Uint64): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: ResponseType.ok, id, payload: NO_PAYLOAD });
}

/** Bytes of the notice that the worker is draining. */
export function encodeDraining(): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: ResponseType.draining, id: 0, payload: NO_PAYLOAD });
}

/** Bytes of a whole error response with a kind. A text over 4 KiB is cut between two characters. */
export function encodeKindError(
  id: Uint64,
  kind: FailureKindName,
  text: string,
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(1 + ERROR_TEXT_BYTES_MAX);
  payload[0] = FailureKind[kind];
  const { written } = new TextEncoder().encodeInto(text, payload.subarray(1));
  return encodeFrame({
    type: ResponseType.kindError,
    id,
    payload: payload.subarray(0, 1 + written),
  });
}

/**
 * What a frame from a controller says on a connection of version 2. Jobs with limits are decoded by
 * `readLimitedJob`. Throws like `decodeMessage`.
 */
export function decodeMessage2(frame: Frame): Message2 {
  const { type, id, payload } = frame;
  switch (type) {
    case MessageType.describe:
    case MessageType.ping:
      new PayloadReader(payload, "The payload of this message").end();
      return { type: type === MessageType.ping ? "ping" : "describe", id };
    case MessageType.choose: {
      const reader = new PayloadReader(payload, "The choice of a compute core");
      const message = {
        type: "choose",
        id,
        core: reader.hex(DIGEST_BYTES),
        name: reader.string(),
      } as const;
      reader.end();
      return message;
    }
    case MessageType.cancel: {
      const reader = new PayloadReader(payload, "The payload of a cancel");
      const message = { type: "cancel", id, message: reader.uint64() } as const;
      reader.end();
      return message;
    }
    case MessageType.version:
    case MessageType.core:
    case MessageType.job:
      return decodeMessage(frame);
    default:
      throw new UnknownTypeError("message", type, LATEST_VERSION);
  }
}

/** Decodes a job with limits. On the hot path, so field by field. Throws a `MalformedPayloadError`. */
export function readLimitedJob(payload: Uint8Array<ArrayBuffer>): LimitedJob {
  const job = payload.subarray(JOB_LIMITS_BYTES);
  checkJob(job);
  const timeMs = Number(readUint64(payload, 4));
  const memoryBytes = Number(readUint64(payload, 12));
  return { attempt: readUint32(payload, 0), limits: { timeMs, memoryBytes }, job };
}

/** The response to "describe". */
export function decodeDescription(payload: Uint8Array<ArrayBuffer>): WorkerDescription {
  const reader = new PayloadReader(payload, "A worker's description");
  const description = {
    instance: reader.hex(INSTANCE_BYTES),
    slots: reader.uint32(),
    memoryBytes: Number(reader.uint64()),
    platform: reader.string(),
    software: reader.string(),
    machine: reader.string(),
    cores: reader.list(DIGEST_BYTES, () => reader.hex(DIGEST_BYTES)),
  };
  reader.end();
  if (description.slots === 0) throw new MalformedPayloadError("A worker must have a slot, not 0");
  return description;
}

/** The response to "choose compute core": whether it is loaded; otherwise it has to be sent. */
export function decodeChooseResponse(payload: Uint8Array<ArrayBuffer>): boolean {
  const reader = new PayloadReader(payload, "The response to the choice of a compute core");
  const isLoaded = reader.flag();
  reader.end();
  return isLoaded;
}

/** The response to a ping. */
export function decodeWorkerLoad(payload: Uint8Array<ArrayBuffer>): WorkerLoad {
  const reader = new PayloadReader(payload, "A worker's load");
  const load = {
    slotsBusy: reader.uint32(),
    jobsWaiting: Number(reader.uint64()),
    memoryFreeBytes: Number(reader.uint64()),
  };
  reader.end();
  return load;
}

/** The response to a cancel, and the notice that the worker is draining: empty. */
export function decodeNothing(payload: Uint8Array<ArrayBuffer>): void {
  new PayloadReader(payload, "A payload that should be empty").end();
}

/** The kind and the text of an error response with a kind. A kind of a later version is `other`. */
export function decodeKindError(
  payload: Uint8Array,
): { readonly kind: FailureKindName; readonly text: string } {
  const [kind] = payload;
  if (kind === undefined) throw new MalformedPayloadError("An error lacks its kind");
  return { kind: KIND_NAMES[kind] ?? "other", text: decodeError(payload.subarray(1)) };
}
