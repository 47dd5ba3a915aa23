/**
 * How large the payload of a frame may be by what it means. Only inputs, outputs, cores and what a later version may add
 * need gigabytes: a peer that announces one for anything else is refused by its header.
 */

import { MessageType, ResponseType } from "./frame.ts";
import { PAYLOAD_BYTES_MAX_DEFAULT } from "./limits.ts";

/** A number or two, a name, or a few lines. A decoder takes as much without asking. */
const SMALL_BYTES_MAX = 64 * 1024;

/** An error's text is kept to 4 KiB, but version 1 lets a peer send more. */
const ERROR_BYTES_MAX = 16 * 1024 * 1024;

/** A worker's description with 65,536 cores has 2 MiB; all other answers but those to jobs are smaller. */
const CONTROL_ANSWER_BYTES_MAX = 4 * 1024 * 1024;

/** A setup of 10,000 files with paths of 1 KiB, and its variables. */
const SETUP_BYTES_MAX = 16 * 1024 * 1024;

/** A part of a file, four times as large as those that distcomp's controllers send. */
const CONTENT_BYTES_MAX = 16 * 1024 * 1024;

/** Messages of a controller. Those that are missing may be as large as any. */
const MESSAGES: ReadonlyMap<number, number> = new Map<number, number>([
  [MessageType.version, SMALL_BYTES_MAX],
  [MessageType.describe, SMALL_BYTES_MAX],
  [MessageType.choose, SMALL_BYTES_MAX],
  [MessageType.cancel, SMALL_BYTES_MAX],
  [MessageType.ping, SMALL_BYTES_MAX],
  [MessageType.content, CONTENT_BYTES_MAX],
  [MessageType.coreOutput, SMALL_BYTES_MAX],
  [MessageType.setup, SETUP_BYTES_MAX],
  [MessageType.compression, SMALL_BYTES_MAX],
  [MessageType.usage, SMALL_BYTES_MAX],
  [MessageType.state, SMALL_BYTES_MAX],
  // A decoder of compressed bytes checks it closer. It is here for links that have not agreed on them.
  [MessageType.compressed, CONTROL_ANSWER_BYTES_MAX],
]);

/** Responses of a worker that are neither answers to jobs nor errors. All others are refused as a whole. */
const RESPONSES: ReadonlyMap<number, number> = new Map<number, number>([
  [ResponseType.ok, CONTROL_ANSWER_BYTES_MAX],
  [ResponseType.draining, SMALL_BYTES_MAX],
  [ResponseType.printed, SMALL_BYTES_MAX],
  [ResponseType.arrivalRate, SMALL_BYTES_MAX],
  [ResponseType.error, ERROR_BYTES_MAX],
  [ResponseType.kindError, ERROR_BYTES_MAX],
  [ResponseType.errorWithUsage, ERROR_BYTES_MAX],
  // A decoder of compressed bytes checks it closer. It is here for links that have not agreed on them.
  [ResponseType.compressed, CONTROL_ANSWER_BYTES_MAX],
]);

const TYPES: ReadonlySet<number> = new Set(Object.values(MessageType));
const TYPES_1: ReadonlySet<number> = new Set([
  MessageType.version,
  MessageType.core,
  MessageType.job,
]);

/** Whether a version has messages of this type. */
export function isMessageType(type: number, version: number): boolean {
  return (version > 1 ? TYPES : TYPES_1).has(type);
}

/** The most bytes of a controller's message. Version 1 answers the types of later ones like any that it does not know. */
export function messageBytesMax(type: number, version: number): number {
  const isKnown = version > 1 || type === MessageType.version;
  return (isKnown ? MESSAGES.get(type) : undefined) ?? PAYLOAD_BYTES_MAX_DEFAULT;
}

/** The most bytes of a worker's response. `mayBeResult`: it may be a job's. */
export function responseBytesMax(type: number, mayBeResult: boolean): number {
  const isResult = type === ResponseType.ok || type === ResponseType.okWithUsage;
  if (isResult && mayBeResult) return PAYLOAD_BYTES_MAX_DEFAULT;
  return RESPONSES.get(type) ?? SMALL_BYTES_MAX;
}
