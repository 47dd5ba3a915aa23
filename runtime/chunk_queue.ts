/** Turns a source that pushes chunks into a stream that is read. For Bun, whose sockets use callbacks. */

/** With more unread bytes, the source is paused. Hundreds of connections may have as much each. */
const UNREAD_BYTES_MAX = 512 * 1024;

/** A larger chunk's memory is freed as soon as it is read. */
const FREED_BYTES_MIN = 64 * 1024;

/** A queue of chunks that have arrived and are not read yet. */
export class ChunkQueue {
  readonly #pauseSource: (isPaused: boolean) => void;
  readonly #chunks: Uint8Array[] = [];
  /** How much of the first chunk is read. */
  #readBytes = 0;
  #unreadBytes = 0;
  #isPaused = false;
  #hasEnded = false;
  #failure: Error | undefined;
  #waiting:
    | { into: Uint8Array; resolve(bytes: number | null): void; reject(error: Error): void }
    | undefined;

  constructor(pauseSource: (isPaused: boolean) => void) {
    this.#pauseSource = pauseSource;
  }

  /** Whether all that has arrived is read, and more may come. */
  get isEmpty(): boolean {
    return this.#chunks.length === 0 && !this.#hasEnded;
  }

  /** Whether the source has ended. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Takes all that is unread, behind `head`. */
  takeAll(head: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(head.byteLength + this.#unreadBytes);
    bytes.set(head);
    this.#take(bytes.subarray(head.byteLength));
    this.#setPaused(false);
    return bytes;
  }

  /** Adds a chunk from the source. The queue owns it from now on. */
  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0 || this.#hasEnded) return;
    this.#chunks.push(chunk);
    this.#unreadBytes += chunk.byteLength;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(this.#take(waiting.into));
    this.#setPaused(this.#unreadBytes > UNREAD_BYTES_MAX);
  }

  /** The source has ended. Queued chunks can still be read; then `read` rejects with `failure`, if given. */
  end(failure?: Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#failure = failure;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (failure) waiting?.reject(failure);
    else waiting?.resolve(null);
  }

  /** Reads queued bytes, or waits for a chunk. Resolves to `null` at the end. One call at a time. */
  read(into: Uint8Array): Promise<number | null> {
    if (this.#chunks.length > 0) {
      const bytes = this.#take(into);
      this.#setPaused(this.#unreadBytes > UNREAD_BYTES_MAX);
      return Promise.resolve(bytes);
    }
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#hasEnded) return Promise.resolve(null);
    return new Promise((resolve, reject) => this.#waiting = { into, resolve, reject });
  }

  #take(into: Uint8Array): number {
    let filled = 0;
    for (let chunk = this.#chunks[0]; chunk && filled < into.byteLength; chunk = this.#chunks[0]) {
      const part = chunk.subarray(this.#readBytes, this.#readBytes + into.byteLength - filled);
      into.set(part, filled);
      filled += part.byteLength;
      this.#readBytes += part.byteLength;
      if (this.#readBytes < chunk.byteLength) break;
      this.#chunks.shift();
      this.#readBytes = 0;
      free(chunk);
    }
    this.#unreadBytes -= filled;
    return filled;
  }

  #setPaused(isPaused: boolean): void {
    if (isPaused === this.#isPaused || this.#hasEnded) return;
    this.#isPaused = isPaused;
    this.#pauseSource(isPaused);
  }
}

/**
 * Frees the memory of a chunk that has it alone. The garbage collector would do that later: until then, each new chunk
 * would get new memory, page by page.
 */
function free({ buffer, byteLength }: Uint8Array): void {
  const isAlone = byteLength === buffer.byteLength && buffer instanceof ArrayBuffer;
  if (isAlone && byteLength >= FREED_BYTES_MIN) buffer.transfer(0);
}
