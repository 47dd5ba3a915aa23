/**
 * The output of a job that is too large for one array. The slot writes it to its socket from the core's own memory, and
 * it is sent on to the controller as it comes: it is nowhere else in memory. Until all of it has come, the slot waits.
 */

import {
  checkHugeHead,
  type FindHugePlace,
  HUGE_BLOB_BYTES_MAX,
  type HugePlace,
  JOB_RESULT_PREFIX_BYTES,
  ResponseType,
  type Uint64,
  USAGE_BYTES,
} from "../../../protocol/mod.ts";
import type { SlotResponse } from "../../job.ts";

/** How many parts there are: one is filled while the other is sent. */
const PARTS = 2;

/** Bytes of a part. */
const PART_BYTES = 1024 * 1024;

const HEAD_BYTES = USAGE_BYTES + JOB_RESULT_PREFIX_BYTES;

/** Bytes that wait to be sent. */
interface Part {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly count: number;
}

/** The huge outputs of one process. They come one after the other. */
export class RelayedOutputs {
  readonly #onResponse: (response: SlotResponse) => void;
  #ended: Promise<void> | undefined;

  /** `onResponse` gets a response as soon as its head is there. */
  constructor(onResponse: (response: SlotResponse) => void) {
    this.#onResponse = onResponse;
  }

  /** Finds the place for one. */
  readonly find: FindHugePlace = (type, id, payloadBytes) => {
    const blobBytes = payloadBytes - HEAD_BYTES;
    const isOutput = type === ResponseType.okWithUsage && blobBytes <= HUGE_BLOB_BYTES_MAX;
    if (!isOutput) return undefined;
    return new RelayedOutput(id, blobBytes, (response) => this.#onHead(response));
  };

  /** Resolves when all of the output that is coming has come, or its process is gone; `undefined` if none is coming. */
  get ended(): Promise<void> | undefined {
    return this.#ended;
  }

  #onHead(response: SlotResponse): void {
    this.#ended = response.ended?.then(() => {
      this.#ended = undefined;
    });
    this.#onResponse(response);
  }
}

/** A huge output that is relayed: what the slot writes is what the controller's connection reads. */
class RelayedOutput implements HugePlace {
  readonly head = new Uint8Array(HEAD_BYTES);
  readonly #id: Uint64;
  readonly #blobBytes: number;
  readonly #onResponse: (response: SlotResponse) => void;
  readonly #free = Array.from({ length: PARTS }, () => new Uint8Array(PART_BYTES));
  readonly #waiting: Part[] = [];
  #filling: Uint8Array<ArrayBuffer> | undefined;
  #filledBytes = 0;
  #isAnswered = false;
  /** The part that is being sent, and how much of it is. */
  #sending: (Part & { sent: number }) | undefined;
  #onPart: PromiseWithResolvers<void> | undefined;
  #onFree: PromiseWithResolvers<void> | undefined;
  /** All of it has come, or its process is gone. */
  readonly #ended = Promise.withResolvers<void>();
  /** Nobody wants it any more. */
  #isUnwanted = false;
  /** Its process is gone. */
  #isCut = false;

  constructor(id: Uint64, blobBytes: number, onResponse: (response: SlotResponse) => void) {
    this.#id = id;
    this.#blobBytes = blobBytes;
    this.#onResponse = onResponse;
  }

  space(at: number): Uint8Array<ArrayBuffer> {
    const buffer = this.#filling ??= this.#free.pop() ?? new Uint8Array(PART_BYTES);
    return buffer.subarray(0, this.#blobBytes - at);
  }

  onFilled(blobBytes: number): Promise<void> | undefined {
    if (!this.#isAnswered) this.#answer();
    const count = blobBytes - this.#filledBytes;
    this.#filledBytes = blobBytes;
    if (blobBytes === this.#blobBytes) this.#ended.resolve();
    if (this.#isUnwanted || count === 0) return undefined;
    this.#waiting.push({ buffer: this.#filling as Uint8Array<ArrayBuffer>, count });
    this.#filling = undefined;
    this.#onPart?.resolve();
    this.#onPart = undefined;
    if (this.#free.length > 0) return undefined;
    this.#onFree ??= Promise.withResolvers();
    return this.#onFree.promise;
  }

  /** The process is gone before it has written everything: what is sent cannot be ended. */
  release(): void {
    this.#isCut = true;
    this.#ended.resolve();
    this.#onPart?.resolve();
  }

  #answer(): void {
    this.#isAnswered = true;
    checkHugeHead(this.head, this.#blobBytes, "a job's output");
    this.#onResponse({
      type: ResponseType.okWithUsage,
      id: this.#id,
      payload: this.head,
      source: {
        byteLength: this.#blobBytes,
        read: (_, bytesMax) => this.#read(bytesMax),
        close: () => this.#discard(),
      },
      release: () => this.#discard(),
      ended: this.#ended.promise,
    });
  }

  async #read(bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#sending && this.#sending.sent === this.#sending.count) this.#onSent(this.#sending);
    while (!this.#sending && this.#waiting.length === 0) {
      if (this.#isCut) throw new Error("a slot has ended while its output was sent");
      this.#onPart ??= Promise.withResolvers();
      await this.#onPart.promise;
    }
    const sending = this.#sending ??= { ...this.#waiting.shift() as Part, sent: 0 };
    const part = sending.buffer.subarray(sending.sent, sending.count).subarray(0, bytesMax);
    sending.sent += part.byteLength;
    return part;
  }

  #onSent({ buffer }: Part): void {
    this.#sending = undefined;
    this.#free.push(buffer);
    this.#goOn();
  }

  #goOn(): void {
    this.#onFree?.resolve();
    this.#onFree = undefined;
  }

  /** It is sent, or its controller is gone. The rest is read, as the slot waits for that. */
  #discard(): void {
    this.#isUnwanted = true;
    this.#waiting.length = 0;
    this.#goOn();
  }
}
