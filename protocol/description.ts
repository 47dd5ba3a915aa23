/** What a worker says of itself, in protocol version 2. */

import { MalformedPayloadError } from "./errors.ts";
import { encodeFrame, ResponseType } from "./frame.ts";
import { PayloadReader, PayloadWriter } from "./payload.ts";
import type { Uint64 } from "./uint64.ts";

/** Bytes of a SHA-256. */
const DIGEST_BYTES = 32;

/** The most cores that a worker may say it has kept. distcomp's worker keeps far fewer. */
const KEPT_CORES_MAX = 65_536;

/** Characters that are kept of each text in a worker's description: the longest name of a host, and more. */
const DESCRIPTION_CHARS_MAX = 255;

/** The codings of compressed bytes that a worker reads and writes, as a set of bits. */
const ZSTD_CODING = 1;

/** The most labels of a worker. More than some say nothing to people. */
export const LABELS_MAX = 64;

/** A label is at least its length. */
const LABEL_BYTES_MIN = 8;

/** Bytes of the id of a worker process. */
export const INSTANCE_BYTES = 16;

/** A worker's description of itself. */
export interface WorkerDescription {
  /** The id of the worker process, hexadecimal. All connections to one process have the same id. */
  readonly instance: string;
  readonly slots: number;
  /** 0 if unknown. */
  readonly memoryBytes: number;
  readonly platform: string;
  readonly software: string;
  readonly machine: string;
  /** The SHA-256 of each core that it has stored, hexadecimal. */
  readonly cores: readonly string[];
  /** Whether it reads compressed bytes, and can compress what it sends. */
  readonly compresses?: boolean;
  /** What its owner says of it, each `NAME=VALUE`. */
  readonly labels?: readonly string[];
}

/** Encodes the response to a "describe" as a whole frame. */
export function encodeDescription(id: Uint64, worker: WorkerDescription): Uint8Array<ArrayBuffer> {
  const writer = new PayloadWriter()
    .hex(worker.instance)
    .uint32(worker.slots)
    .uint64(worker.memoryBytes)
    .string(worker.platform)
    .string(worker.software)
    .string(worker.machine)
    .uint32(worker.cores.length)
    .hex(worker.cores.join(""));
  const { compresses, labels = [] } = worker;
  if (compresses || labels.length > 0) writer.uint32(compresses ? ZSTD_CODING : 0);
  if (labels.length > 0) writer.uint32(labels.length);
  for (const label of labels) writer.string(label);
  return encodeFrame({ type: ResponseType.ok, id, payload: writer.bytes() });
}

/** Decodes the response to a "describe". */
export function decodeDescription(payload: Uint8Array<ArrayBuffer>): WorkerDescription {
  const reader = new PayloadReader(payload, "A worker's description");
  const description = {
    instance: reader.hex(INSTANCE_BYTES),
    slots: reader.uint32(),
    memoryBytes: Number(reader.uint64()),
    platform: reader.string().slice(0, DESCRIPTION_CHARS_MAX),
    software: reader.string().slice(0, DESCRIPTION_CHARS_MAX),
    machine: reader.string().slice(0, DESCRIPTION_CHARS_MAX),
    cores: reader.list(KEPT_CORES_MAX, DIGEST_BYTES, () => reader.hex(DIGEST_BYTES)),
    ...(reader.isAtEnd ? {} : { compresses: (reader.uint32() & ZSTD_CODING) !== 0 }),
    ...(reader.isAtEnd ? {} : { labels: decodeLabels(reader) }),
  };
  reader.end();
  if (description.slots === 0) {
    throw new MalformedPayloadError("A worker has 0 slots; it must have at least 1");
  }
  return description;
}

function decodeLabels(reader: PayloadReader): string[] {
  return reader.list(
    LABELS_MAX,
    LABEL_BYTES_MIN,
    () => reader.string().slice(0, DESCRIPTION_CHARS_MAX),
  );
}
