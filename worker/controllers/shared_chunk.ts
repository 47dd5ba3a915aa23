/**
 * What a connection reads comes in chunks, and the payloads of small jobs are views of them. As long as one
 * of these jobs waits, its chunk stays: a byte may hold 256 KiB, which nobody has counted.
 */

/** A larger payload is worth its chunk. */
const SMALL_BYTES = 64 * 1024;

/** Jobs that wait take a quarter of their chunk at least; else it is wasted. */
const SPARSE = 4;

/** Beside its payload, a job takes about this much anyway. */
const JOB_BYTES = 64;

/** With more than this wasted, what still waits is copied. Where jobs come and go, it never comes to that. */
const WASTED_BYTES_MAX = 4 * 1024 * 1024;

/** A job, as far as its payload goes. */
export interface ChunkUser {
  payload: Uint8Array<ArrayBuffer>;
  /** The chunk that it keeps. */
  chunk: SharedChunk | undefined;
}

/** A chunk that jobs share. */
interface SharedChunk {
  readonly buffer: ArrayBuffer;
  /** What its unanswered jobs need. */
  neededBytes: number;
  isWasted: boolean;
}

/** The chunks of one connection. It keeps no list of jobs: that would cost each of them. */
export class SharedChunks {
  readonly #unanswered: () => Iterable<ChunkUser>;
  /** The one in which jobs still come. */
  #current: SharedChunk | undefined;
  #wastedBytes = 0;

  /** `unanswered`: all the jobs that were added and have not left. */
  constructor(unanswered: () => Iterable<ChunkUser>) {
    this.#unanswered = unanswered;
  }

  /** A job has come. */
  add(job: ChunkUser): void {
    const { buffer, byteLength } = job.payload;
    if (byteLength >= SMALL_BYTES) return;
    if (this.#current?.buffer !== buffer) this.#begin(buffer);
    const chunk = this.#current as SharedChunk;
    chunk.neededBytes += byteLength + JOB_BYTES;
    job.chunk = chunk;
  }

  /** A job is answered. */
  leave(job: ChunkUser): void {
    const { chunk } = job;
    if (!chunk) return;
    job.chunk = undefined;
    chunk.neededBytes -= job.payload.byteLength + JOB_BYTES;
    if (chunk !== this.#current) this.#look(chunk);
  }

  #begin(buffer: ArrayBuffer): void {
    const last = this.#current;
    this.#current = { buffer, neededBytes: 0, isWasted: false };
    if (last) this.#look(last);
  }

  /** Counts a chunk in which no more jobs come while it is wasted. */
  #look(chunk: SharedChunk): void {
    const { buffer: { byteLength }, neededBytes } = chunk;
    const isWasted = neededBytes > 0 && SPARSE * neededBytes < byteLength;
    if (isWasted === chunk.isWasted) return;
    chunk.isWasted = isWasted;
    this.#wastedBytes += isWasted ? byteLength : -byteLength;
    if (this.#wastedBytes > WASTED_BYTES_MAX) this.#save();
  }

  /** Gives the jobs in wasted chunks memory of their own. */
  #save(): void {
    this.#wastedBytes = 0;
    for (const job of this.#unanswered()) {
      if (!job.chunk?.isWasted) continue;
      job.payload = job.payload.slice();
      job.chunk = undefined;
    }
  }
}
