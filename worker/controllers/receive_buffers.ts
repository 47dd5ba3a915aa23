/**
 * The payloads of small jobs are views of the buffers that a connection is read into. One job of a byte that
 * waits may so keep a buffer of 256 KiB, and 65,536 of them 16 GiB, although all bounds are kept.
 */

/** After this much was received, jobs that keep far more memory than they need are looked for. */
const LOOK_EVERY_BYTES = 16 * 1024 * 1024;

/** Jobs that fill less than this part of their buffer are copied. */
const FILLED_PART_MIN = 1 / 4;

/** Beside its payload, a job takes about this much anyway. */
const JOB_BYTES = 64;

/** Something with a payload that may be moved. */
export interface PayloadHolder {
  payload: Uint8Array<ArrayBuffer>;
}

/** The buffers of one connection. */
export class ReceiveBuffers {
  readonly #holders: () => readonly PayloadHolder[];
  #last: ArrayBuffer | undefined;
  #receivedBytes = 0;

  /** `holders` gives all that still need their payloads. */
  constructor(holders: () => readonly PayloadHolder[]) {
    this.#holders = holders;
  }

  /** A payload was received. */
  onReceived({ buffer }: Uint8Array<ArrayBuffer>): void {
    if (buffer === this.#last) return;
    this.#last = buffer;
    this.#receivedBytes += buffer.byteLength;
    if (this.#receivedBytes < LOOK_EVERY_BYTES) return;
    this.#receivedBytes = 0;
    this.#compact();
  }

  /** Copies the payloads for which a large buffer is kept that they do not fill. */
  #compact(): void {
    const holders = this.#holders();
    const neededBytes = new Map<ArrayBuffer, number>();
    for (const { payload: { buffer, byteLength } } of holders) {
      neededBytes.set(buffer, (neededBytes.get(buffer) ?? 0) + byteLength + JOB_BYTES);
    }
    for (const holder of holders) {
      const { buffer } = holder.payload;
      if (buffer === this.#last) continue; // more is still received into it
      const filledPart = (neededBytes.get(buffer) as number) / buffer.byteLength;
      if (filledPart < FILLED_PART_MIN) holder.payload = holder.payload.slice();
    }
  }
}
