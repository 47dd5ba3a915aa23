/** Decides whether what goes over the connection with one worker is compressed, in each direction. */

import { CompressionChoice } from "../../link/compression_choice.ts";
import type { Link } from "../../link/link.ts";
import {
  decodeArrivalRate,
  encodeCompression,
  type Frame,
  ProtocolError,
} from "../../protocol/mod.ts";

/** When to compress: where the link is slower than that, everywhere, or nowhere. */
export type CompressionMode = "auto" | "always" | "never";

/** The mode that an option stands for, if it is given. */
export function compressionModeOf(isOn: boolean | undefined): CompressionMode {
  if (isOn === undefined) return "auto";
  return isOn ? "always" : "never";
}

/** What comes is looked at anew after so many compressed bytes. */
const SAMPLE_BYTES = 1024 * 1024;

/** The compression of one connection. */
export class WorkerCompression {
  readonly #link: Link;
  /** Asks the worker to compress what it sends, or not to. */
  readonly #ask: (encode: (id: number) => Uint8Array<ArrayBuffer>) => void;
  readonly #sending = new CompressionChoice();
  readonly #receiving = new CompressionChoice();
  #mode: CompressionMode = "never";
  #sendingBytesPerMs: number | undefined;
  #received = { wireBytes: 0, bytes: 0 };
  #receivedRatio: number | undefined;

  constructor(link: Link, ask: (encode: (id: number) => Uint8Array<ArrayBuffer>) => void) {
    this.#link = link;
    this.#ask = ask;
  }

  /** The worker can compress, and is used from now on. */
  start(mode: CompressionMode): void {
    this.#mode = mode;
    if (mode === "never") return;
    this.#link.compression.accept();
    this.#ask((id) => encodeCompression(id, mode === "always"));
    this.#link.compression.compress(mode === "always");
  }

  /** The worker says how fast bytes arrive there. */
  onArrivalRate({ id, payload }: Frame): void {
    if (id !== 0) throw new ProtocolError(`notice of a rate has id ${id}, expected 0`);
    if (this.#mode === "never") throw new ProtocolError("unexpected notice of a rate");
    this.#sendingBytesPerMs = decodeArrivalRate(payload);
  }

  /** The worker is about to leave, and is asked for nothing more. */
  onDraining(): void {
    if (this.#mode === "auto") this.#mode = "always";
  }

  /** Call it several times a second. */
  onTick(nowMs: number): void {
    if (this.#mode !== "auto") return;
    if (this.#sendingBytesPerMs !== undefined) {
      const { compressor } = this.#link.compression;
      this.#link.compression.compress(
        this.#sending.look(this.#sendingBytesPerMs, compressor, nowMs),
      );
    }
    const arrivalBytesPerMs = this.#link.compression.arrivals.bytesPerMs;
    if (arrivalBytesPerMs === undefined) return;
    const wasOn = this.#receiving.isOn;
    const isOn = this.#receiving.look(arrivalBytesPerMs, this.#receivedCompressor, nowMs);
    if (isOn !== wasOn) this.#ask((id) => encodeCompression(id, isOn));
  }

  /** What the worker's compressor does, as far as can be told from here. */
  get #receivedCompressor() {
    const { wireBytes, bytes } = this.#link.compression.decompressed;
    if (bytes - this.#received.bytes >= SAMPLE_BYTES) {
      this.#receivedRatio = (bytes - this.#received.bytes) / (wireBytes - this.#received.wireBytes);
      this.#received = { wireBytes, bytes };
    }
    return this.#receivedRatio === undefined ? undefined : { ratio: this.#receivedRatio };
  }
}
