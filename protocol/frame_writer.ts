/** Gathers frames into few large writes. No other optimization in this program gains as much. */

import { MessageType, ResponseType, writeHeader } from "./frame.ts";
import {
  COPIED_PAYLOAD_BYTES_MAX,
  HEADER_BYTES,
  JOB_LIMITS_BYTES,
  JOB_PREFIX_BYTES,
  JOB_RESULT_PREFIX_BYTES,
} from "./limits.ts";
import { type JobUsage, USAGE_BYTES, writeUsage } from "./job_usage.ts";
import type { FrameSpan } from "./frame_span.ts";
import type { BlobSource } from "./huge_place.ts";
import { encodeCoreHead } from "./message.ts";
import type { JobLimits } from "./message_2.ts";
import { type Uint64, writeUint64 } from "./uint64.ts";

/** Small frames are gathered in batches of this size, one write each. */
const BATCH_BYTES = 128 * 1024;

/** The first batch. They double: a thousand connections that are hardly used should not take 128 MiB. */
const BATCH_BYTES_FIRST = 4 * 1024;

/** The most bytes of a header and of the fields before an input or output in a payload. */
const PREAMBLE_BYTES_MAX = HEADER_BYTES +
  Math.max(JOB_LIMITS_BYTES + JOB_PREFIX_BYTES, USAGE_BYTES + JOB_RESULT_PREFIX_BYTES);

/** Is told of payloads that are only referenced. */
export interface ReferenceEvents {
  /** From now on these bytes must not change. */
  onReferenced(bytes: Uint8Array): void;
  /** They were written, or never will be. Called once for each `onReferenced`. */
  onReleased(bytes: Uint8Array): void;
}

/**
 * Gathers frames and returns them as pieces to write, in order.
 *
 * A payload of up to 32 KiB is copied at once. A larger payload is only referenced, and must not change until
 * it is written.
 */
export class FrameWriter {
  #batch: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #start = 0;
  #end = 0;
  /** How many pieces of the batch are not released. Its memory is reused when there are none. */
  #unreleased = 0;
  #pieces: (Uint8Array<ArrayBuffer> | BlobSource)[] = [];
  #pendingBytes = 0;
  #sourceBytes = 0;
  /** What to call when a referenced payload is no longer needed. */
  readonly #releases = new Map<Uint8Array, () => void>();
  readonly #references: ReferenceEvents | undefined;

  /** `memory`: where the first batch is gathered, and all that fit into it. */
  constructor(references?: ReferenceEvents, memory = new Uint8Array(BATCH_BYTES_FIRST)) {
    this.#references = references;
    this.#batch = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  /** Bytes that are gathered and not yet taken. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** How much of that is blobs that are sent part by part, and not in memory here. */
  get sourceBytes(): number {
    return this.#sourceBytes;
  }

  /** Writes a frame with any payload, such as a relayed one. */
  frame(type: number, id: Uint64, payload: Uint8Array<ArrayBuffer>): void {
    this.#header(type, id, payload.byteLength);
    this.#append(payload);
  }

  /** Writes a frame with what the payload of another one has from `from` on. */
  relay(type: number, id: Uint64, { bytes, at, end }: FrameSpan, from: number): void {
    const part = bytes.subarray(at + from, end);
    this.#header(type, id, part.byteLength);
    this.#append(part);
  }

  /**
   * Writes a frame with a large payload that has room for the header before it, in memory of the caller's.
   * `onReleased` is called once, when the frame was written, or never will be.
   */
  frameInPlace(
    type: number,
    id: Uint64,
    { buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>,
    onReleased: () => void,
  ): void {
    const frame = new Uint8Array(buffer, byteOffset - HEADER_BYTES, HEADER_BYTES + byteLength);
    writeHeader(new DataView(buffer, frame.byteOffset, HEADER_BYTES), 0, type, id, byteLength);
    this.#releases.set(frame, onReleased);
    this.#reference(frame);
  }

  /** Writes a frame whose payload is a head, which is copied, and then a blob that is sent part by part. */
  hugeFrame(type: number, id: Uint64, head: Uint8Array<ArrayBuffer>, blob: BlobSource): void {
    this.#header(type, id, head.byteLength + blob.byteLength);
    this.#append(head);
    this.#reference(blob);
  }

  /** Writes a job message. */
  job(id: Uint64, job: Uint64, input: Uint8Array<ArrayBuffer> | BlobSource): void {
    this.#header(MessageType.job, id, JOB_PREFIX_BYTES + input.byteLength);
    this.#job(job, input);
  }

  /** Writes a job message with limits, of version 2. */
  limitedJob(
    id: Uint64,
    attempt: number,
    limits: JobLimits,
    job: Uint64,
    input: Uint8Array<ArrayBuffer> | BlobSource,
  ): void {
    const payloadBytes = JOB_LIMITS_BYTES + JOB_PREFIX_BYTES + input.byteLength;
    this.#header(MessageType.limitedJob, id, payloadBytes);
    this.#view.setUint32(this.#end, attempt, true);
    writeUint64(this.#view, this.#end + 4, limits.timeMs);
    writeUint64(this.#view, this.#end + 12, limits.memoryBytes);
    this.#advance(JOB_LIMITS_BYTES);
    this.#job(job, input);
  }

  #job(job: Uint64, input: Uint8Array<ArrayBuffer> | BlobSource): void {
    writeUint64(this.#view, this.#end, job);
    writeUint64(this.#view, this.#end + 8, input.byteLength);
    this.#advance(JOB_PREFIX_BYTES);
    this.#append(input);
  }

  /** Writes a "new compute core" message. Its content is not copied. */
  core(id: Uint64, name: string, content: Uint8Array<ArrayBuffer>): void {
    const head = encodeCoreHead(name, content.byteLength);
    this.#header(MessageType.core, id, head.byteLength + content.byteLength);
    this.#append(head);
    this.#append(content);
  }

  /** Writes a whole frame that is already encoded. */
  whole(frame: Uint8Array<ArrayBuffer>): void {
    this.#append(frame);
  }

  /** Writes the successful response to a job message. */
  jobResult(id: Uint64, exitCode: number, output: Uint8Array<ArrayBuffer>): void {
    this.jobResultHead(id, exitCode, output.byteLength);
    this.#append(output);
  }

  /** Writes the same response without its output. The caller must write `outputBytes` bytes next. */
  jobResultHead(id: Uint64, exitCode: number, outputBytes: number): void {
    this.#header(ResponseType.ok, id, JOB_RESULT_PREFIX_BYTES + outputBytes);
    this.#resultPrefix(exitCode, outputBytes);
  }

  /** The same with what the job has used. */
  usageResultHead(id: Uint64, usage: JobUsage, exitCode: number, outputBytes: number): void {
    const payloadBytes = USAGE_BYTES + JOB_RESULT_PREFIX_BYTES + outputBytes;
    this.#header(ResponseType.okWithUsage, id, payloadBytes);
    writeUsage(this.#view, this.#end, usage);
    this.#advance(USAGE_BYTES);
    this.#resultPrefix(exitCode, outputBytes);
  }

  #resultPrefix(exitCode: number, outputBytes: number): void {
    this.#view.setInt32(this.#end, exitCode, true);
    writeUint64(this.#view, this.#end + 4, outputBytes);
    this.#advance(JOB_RESULT_PREFIX_BYTES);
  }

  /** Reserves room for `bytes` bytes (at most 32 KiB) of the payload whose head was just written. */
  reserve(bytes: number): Uint8Array<ArrayBuffer> {
    const at = this.reserveAt(bytes);
    return this.#batch.subarray(at, at + bytes);
  }

  /** The same, without an array for it. Returns where the bytes belong in `batch`. */
  reserveAt(bytes: number): number {
    this.#ensure(bytes);
    this.#advance(bytes);
    return this.#end - bytes;
  }

  /** Where small frames are gathered; another array from time to time. */
  get batch(): Uint8Array<ArrayBuffer> {
    return this.#batch;
  }

  /**
   * Takes the next piece to write, if there is one and it is not a blob that is sent part by part. It must be given
   * back with `release` after the write.
   */
  take(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#pieces.length === 0) this.#cut();
    const [piece] = this.#pieces;
    if (!piece || isSource(piece)) return undefined;
    this.#pieces.shift();
    this.#pendingBytes -= piece.byteLength;
    return piece;
  }

  /** Takes the blob that comes next, if there is one. It must be given back, too. */
  takeSource(): BlobSource | undefined {
    const [piece] = this.#pieces;
    if (!piece || !isSource(piece)) return undefined;
    this.#pieces.shift();
    this.#pendingBytes -= piece.byteLength;
    this.#sourceBytes -= piece.byteLength;
    return piece;
  }

  /** A piece was written: its batch is reused if this was its last piece. */
  release(piece: Uint8Array<ArrayBuffer> | BlobSource): void {
    if (isSource(piece)) return piece.close();
    if (piece.buffer !== this.#batch.buffer) return this.#onReleased(piece);
    this.#unreleased -= 1;
    if (this.#unreleased > 0 || this.#start !== this.#end) return;
    this.#start = 0;
    this.#end = 0;
  }

  /** Nothing more will be written. A piece that was taken still has to be given back. */
  close(): void {
    for (const piece of this.#pieces.splice(0)) {
      if (isSource(piece)) piece.close();
      else this.#onReleased(piece);
    }
    this.#pendingBytes = 0;
    this.#sourceBytes = 0;
  }

  #onReleased(piece: Uint8Array): void {
    const onReleased = this.#releases.get(piece);
    this.#releases.delete(piece);
    onReleased?.();
    this.#references?.onReleased(piece);
  }

  #header(type: number, id: Uint64, payloadBytes: number): void {
    this.#ensure(PREAMBLE_BYTES_MAX);
    writeHeader(this.#view, this.#end, type, id, payloadBytes);
    this.#advance(HEADER_BYTES);
  }

  #append(payload: Uint8Array<ArrayBuffer> | BlobSource): void {
    if (payload.byteLength > COPIED_PAYLOAD_BYTES_MAX || isSource(payload)) {
      return this.#reference(payload);
    }
    this.#ensure(payload.byteLength);
    this.#batch.set(payload, this.#end);
    this.#advance(payload.byteLength);
  }

  #reference(piece: Uint8Array<ArrayBuffer> | BlobSource): void {
    this.#cut();
    this.#pieces.push(piece);
    this.#pendingBytes += piece.byteLength;
    if (isSource(piece)) this.#sourceBytes += piece.byteLength;
    else this.#references?.onReferenced(piece);
  }

  #advance(bytes: number): void {
    this.#end += bytes;
    this.#pendingBytes += bytes;
  }

  #ensure(bytes: number): void {
    if (this.#batch.byteLength - this.#end >= bytes) return;
    const gathered = this.#batch.subarray(this.#start, this.#end);
    const isTooMuch = gathered.byteLength + bytes > BATCH_BYTES;
    if (isTooMuch || this.#unreleased > 0) this.#cut();
    const room = this.#end - this.#start + bytes;
    this.#batch = new Uint8Array(Math.min(BATCH_BYTES, 2 * Math.max(this.#batch.byteLength, room)));
    this.#view = new DataView(this.#batch.buffer);
    this.#unreleased = 0;
    this.#end -= this.#start;
    this.#start = 0;
    if (this.#end > 0) this.#batch.set(gathered); // it is still one piece
  }

  /** Ends the piece that is being gathered. */
  #cut(): void {
    if (this.#start === this.#end) return;
    this.#pieces.push(this.#batch.subarray(this.#start, this.#end));
    this.#unreleased += 1;
    this.#start = this.#end;
  }
}

function isSource(piece: Uint8Array<ArrayBuffer> | BlobSource): piece is BlobSource {
  return "read" in piece;
}
