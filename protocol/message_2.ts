/** Encodes and decodes the messages that protocol version 2 adds, and their responses. */

import { decodeCompression } from "./compressed.ts";
import { type CoreOutputMode, decodeCoreOutput } from "./core_output.ts";
import { type ContentPart, type CoreSetup, decodeContent, decodeSetup } from "./core_setup.ts";
import { MalformedPayloadError, UnknownTypeError } from "./errors.ts";
import { decodeUsageRequest } from "./job_usage.ts";
import { encodeFrame, type Frame, MessageType, ResponseType } from "./frame.ts";
import { ERROR_TEXT_BYTES_MAX, JOB_LIMITS_BYTES } from "./limits.ts";
import { checkJob, decodeError, decodeMessage, type Message } from "./message.ts";
import { NO_PAYLOAD, PayloadReader, PayloadWriter } from "./payload.ts";
import { readUint32, readUint64, type Uint64 } from "./uint64.ts";

/** The latest supported version. All earlier versions are supported, too. */
export const LATEST_VERSION = 2;

/** Bytes of a SHA-256. */
const DIGEST_BYTES = 32;

/** The limits of a job; 0 means no limit. */
export interface JobLimits {
  /** How long it may run. */
  readonly timeMs: number;
  /** How much memory its process may use. */
  readonly memoryBytes: number;
}

/** No limits. */
export const NO_LIMITS: JobLimits = { timeMs: 0, memoryBytes: 0 };

/** How busy a worker is, counting the jobs of all its controllers. */
export interface WorkerLoad {
  readonly slotsBusy: number;
  readonly jobsWaiting: number;
  /** 0 if unknown. */
  readonly memoryFreeBytes: number;
  /** How many slots load a core. */
  readonly slotsLoading: number;
  /** How long the first of them has been loading it. */
  readonly loadingMs: number;
}

/**
 * The kind of a failure, as `PROTOCOL.md` calls it. "cancelled" is the spelling of journals and of `JobError.kind`,
 * which programs compare; all other text is in US English: "canceled".
 */
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

/** The messages of a controller on a connection of version 2, except jobs with limits. */
export type Message2 =
  | Message
  | { readonly type: "describe"; readonly id: Uint64 }
  | {
    readonly type: "choose";
    readonly id: Uint64;
    /** SHA-256, hexadecimal. */
    readonly core: string;
    readonly name: string;
    /** How long `worker_init` may take; 0: as long as the worker allows. */
    readonly initMs: number;
  }
  | {
    readonly type: "setup";
    readonly id: Uint64;
    readonly setup: CoreSetup;
    readonly name: string;
    /** As for "choose". */
    readonly initMs: number;
  }
  | { readonly type: "content"; readonly id: Uint64; readonly content: ContentPart }
  | { readonly type: "cancel"; readonly id: Uint64; readonly message: Uint64 }
  | { readonly type: "ping"; readonly id: Uint64 }
  | { readonly type: "state"; readonly id: Uint64 }
  | { readonly type: "coreOutput"; readonly id: Uint64; readonly mode: CoreOutputMode }
  /** Whether answers to jobs are to carry what the jobs have used. */
  | { readonly type: "usage"; readonly id: Uint64; readonly isWanted: boolean }
  /** Whether the worker is to compress what it sends. */
  | { readonly type: "compression"; readonly id: Uint64; readonly compresses: boolean };

/** The payload of a job with limits, decoded without a copy. */
export interface LimitedJob {
  readonly attempt: number;
  readonly limits: JobLimits;
  /** The payload of the same job without limits, as in version 1. */
  readonly job: Uint8Array<ArrayBuffer>;
}

/** Encodes a "describe" as a whole frame. */
export function encodeDescribe(id: Uint64): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: MessageType.describe, id, payload: NO_PAYLOAD });
}

/** Encodes a "choose compute core" as a whole frame. `core` is its SHA-256, hexadecimal. */
export function encodeChoose(
  id: Uint64,
  core: string,
  name: string,
  initMs = 0,
): Uint8Array<ArrayBuffer> {
  const writer = new PayloadWriter().hex(core).string(name);
  if (initMs > 0) writer.uint64(initMs);
  return encodeFrame({ type: MessageType.choose, id, payload: writer.bytes() });
}

/** Encodes a "cancel", of the job with the message id `message`, as a whole frame. */
export function encodeCancel(id: Uint64, message: Uint64): Uint8Array<ArrayBuffer> {
  const payload = new PayloadWriter().uint64(message).bytes();
  return encodeFrame({ type: MessageType.cancel, id, payload });
}

/** Encodes a ping as a whole frame. */
export function encodePing(id: Uint64): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: MessageType.ping, id, payload: NO_PAYLOAD });
}

/** Encodes the response to a "choose compute core" as a whole frame. */
export function encodeChooseResponse(id: Uint64, isLoaded: boolean): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: ResponseType.ok, id, payload: Uint8Array.of(isLoaded ? 1 : 0) });
}

/** Encodes the response to a ping as a whole frame. */
export function encodeWorkerLoad(id: Uint64, load: WorkerLoad): Uint8Array<ArrayBuffer> {
  const writer = new PayloadWriter()
    .uint32(load.slotsBusy)
    .uint64(load.jobsWaiting)
    .uint64(load.memoryFreeBytes);
  if (load.slotsLoading > 0) writer.uint32(load.slotsLoading).uint64(load.loadingMs);
  return encodeFrame({ type: ResponseType.ok, id, payload: writer.bytes() });
}

/** Encodes a successful response without data as a whole frame. */
export function encodeDone(id: Uint64): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: ResponseType.ok, id, payload: NO_PAYLOAD });
}

/** Encodes the notice that the worker is draining. */
export function encodeDraining(): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: ResponseType.draining, id: 0, payload: NO_PAYLOAD });
}

/**
 * Encodes an error response with a kind as a whole frame. A text over 4 KiB is cut between two characters. `usage`: what
 * the job has used, encoded, if the controller wants that and it is known.
 */
export function encodeKindError(
  id: Uint64,
  kind: FailureKindName,
  text: string,
  usage?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const kindAt = usage?.byteLength ?? 0;
  const payload = new Uint8Array(kindAt + 1 + ERROR_TEXT_BYTES_MAX);
  if (usage) payload.set(usage);
  payload[kindAt] = FailureKind[kind];
  const { written } = new TextEncoder().encodeInto(text, payload.subarray(kindAt + 1));
  return encodeFrame({
    type: usage ? ResponseType.errorWithUsage : ResponseType.kindError,
    id,
    payload: payload.subarray(0, kindAt + 1 + written),
  });
}

/** The messages without a payload. */
const QUESTIONS = {
  [MessageType.describe]: "describe",
  [MessageType.ping]: "ping",
  [MessageType.state]: "state",
} as const;

/**
 * Decodes a frame from a controller on a connection of version 2, except jobs with limits, which
 * `readLimitedJob` decodes. Throws like `decodeMessage`.
 */
export function decodeMessage2(frame: Frame): Message2 {
  const { type, id, payload } = frame;
  switch (type) {
    case MessageType.describe:
    case MessageType.ping:
    case MessageType.state:
      new PayloadReader(payload, "The payload of this message").end();
      return { type: QUESTIONS[type], id };
    case MessageType.choose: {
      const reader = new PayloadReader(payload, "The choice of a compute core");
      const message = {
        type: "choose",
        id,
        core: reader.hex(DIGEST_BYTES),
        name: reader.string(),
        initMs: reader.isAtEnd ? 0 : Number(reader.uint64()),
      } as const;
      reader.end();
      return message;
    }
    case MessageType.setup:
      return { type: "setup", id, ...decodeSetup(payload) };
    case MessageType.content:
      return { type: "content", id, content: decodeContent(payload) };
    case MessageType.cancel: {
      const reader = new PayloadReader(payload, "The payload of a cancel");
      const message = { type: "cancel", id, message: reader.uint64() } as const;
      reader.end();
      return message;
    }
    case MessageType.coreOutput:
      return { type: "coreOutput", id, mode: decodeCoreOutput(payload) };
    case MessageType.usage:
      return { type: "usage", id, isWanted: decodeUsageRequest(payload) };
    case MessageType.compression:
      return { type: "compression", id, compresses: decodeCompression(payload) };
    case MessageType.version:
    case MessageType.core:
    case MessageType.job:
      return decodeMessage(frame);
    default:
      throw new UnknownTypeError("message", type, LATEST_VERSION);
  }
}

/** Decodes a job with limits. On the hot path, so without a `PayloadReader`. Throws a `MalformedPayloadError`. */
export function readLimitedJob(payload: Uint8Array<ArrayBuffer>): LimitedJob {
  const decoded = readLimits(payload);
  checkJob(decoded.job);
  return decoded;
}

/** The same without a check of what follows the limits. */
export function readLimits(payload: Uint8Array<ArrayBuffer>): LimitedJob {
  const job = payload.subarray(JOB_LIMITS_BYTES);
  const timeMs = Number(readUint64(payload, 4));
  const memoryBytes = Number(readUint64(payload, 12));
  return { attempt: readUint32(payload, 0), limits: { timeMs, memoryBytes }, job };
}

/** Decodes the response to a "choose compute core": whether the core is loaded. Otherwise it must be sent. */
export function decodeChooseResponse(payload: Uint8Array<ArrayBuffer>): boolean {
  const reader = new PayloadReader(payload, "The response to the choice of a compute core");
  const isLoaded = reader.flag();
  reader.end();
  return isLoaded;
}

/** Decodes the response to a ping. */
export function decodeWorkerLoad(payload: Uint8Array<ArrayBuffer>): WorkerLoad {
  const reader = new PayloadReader(payload, "A worker's load");
  const busy = {
    slotsBusy: reader.uint32(),
    jobsWaiting: Number(reader.uint64()),
    memoryFreeBytes: Number(reader.uint64()),
  };
  const isLoading = !reader.isAtEnd;
  const load = {
    ...busy,
    slotsLoading: isLoading ? reader.uint32() : 0,
    loadingMs: isLoading ? Number(reader.uint64()) : 0,
  };
  reader.end();
  return load;
}

/** Checks the response to a cancel, or the notice that the worker is draining. Both must be empty. */
export function decodeNothing(payload: Uint8Array<ArrayBuffer>): void {
  new PayloadReader(payload, "A payload that should be empty").end();
}

/** Decodes an error response with a kind. An unknown kind, of a later version, becomes `other`. */
export function decodeKindError(
  payload: Uint8Array,
): { readonly kind: FailureKindName; readonly text: string } {
  const [kind] = payload;
  if (kind === undefined) throw new MalformedPayloadError("An error response has no kind");
  return { kind: KIND_NAMES[kind] ?? "other", text: decodeError(payload.subarray(1)) };
}
