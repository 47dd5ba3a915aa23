/** Decides whether what goes over the connection with one worker is compressed, in each direction. */

import { CompressionChoice } from "../../link/compression_choice.ts";
import type { Link } from "../../link/link.ts";
import {
  decodeArrivalRate,
  decodeNothing,
  encodeCompression,
  type Frame,
  ProtocolError,
  type WorkerDescription,
} from "../../protocol/mod.ts";
import type { CompressionMode } from "../../link/compression_mode.ts";
import type { OnResponse } from "./connection_events.ts";
import { payloadOf } from "./responses.ts";

/** What comes is looked at anew after this many compressed bytes. */
const SAMPLE_BYTES = 1024 * 1024;

/** Sends a message that is encoded with its id. Its response goes to `onResponse`. */
type Request = (encode: (id: number) => Uint8Array<ArrayBuffer>, onResponse: OnResponse) => void;

/** The compression of one connection. */
export class WorkerCompression {
  readonly #link: Link;
  /** Sends a message that is encoded with its id. */
  readonly #request: Request;
  readonly #sending = new CompressionChoice();
  readonly #receiving = new CompressionChoice();
  #mode: CompressionMode = "never";
  #isPossible = false;
  #isConfirmed = false;
  #isLeaving = false;
  #sendingBytesPerMs: number | undefined;
  #received = { wireBytes: 0, bytes: 0 };
  #receivedRatio: number | undefined;

  constructor(link: Link, request: Request) {
    this.#link = link;
    this.#request = request;
  }

  /** The worker has described itself, or speaks version 1. */
  onIntroduced(description: WorkerDescription | undefined): void {
    this.#isPossible = description?.compresses ?? false;
  }

  /** The worker is used from now on. */
  start(mode: CompressionMode): void {
    if (mode === "never" || !this.#isPossible) return;
    this.#mode = mode;
    this.#link.compression.accept();
    this.#ask(mode === "always");
  }

  /** The worker says how fast bytes arrive there, or that it does not read them for now. */
  onArrivalRate({ id, payload }: Frame): void {
    if (id !== 0) throw new ProtocolError(`notice of a rate has id ${id}, expected 0`);
    const bytesPerMs = decodeArrivalRate(payload);
    if (bytesPerMs === 0) return; // it does not read for now: this is only a sign of life
    if (this.#mode === "never") throw new ProtocolError("unexpected notice of a rate");
    this.#sendingBytesPerMs = bytesPerMs;
  }

  /** The worker is about to leave, and is asked for nothing more. */
  onDraining(): void {
    this.#isLeaving = true;
  }

  /** Call it several times a second. */
  onTick(nowMs: number): void {
    if (this.#mode !== "auto" || !this.#isConfirmed || this.#isLeaving) return;
    if (this.#sendingBytesPerMs !== undefined) {
      const { compressor } = this.#link.compression;
      this.#link.compression.compress(
        this.#sending.poll(this.#sendingBytesPerMs, compressor, nowMs),
      );
    }
    const arrivalBytesPerMs = this.#link.compression.arrivals.bytesPerMs;
    if (arrivalBytesPerMs === undefined) return;
    const wasOn = this.#receiving.isOn;
    const isOn = this.#receiving.poll(arrivalBytesPerMs, this.#receivedCompressor, nowMs);
    if (isOn !== wasOn) this.#ask(isOn);
  }

  /** Asks the worker to compress what it sends, or not to. */
  #ask(compresses: boolean): void {
    this.#request(
      (id) => encodeCompression(id, compresses),
      (frame) => {
        decodeNothing(payloadOf(frame));
        this.#onConfirmed();
      },
    );
  }

  /** Before that, the worker takes compressed bytes for something unknown. */
  #onConfirmed(): void {
    this.#isConfirmed = true;
    if (this.#mode === "always") this.#link.compression.compress(true);
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
