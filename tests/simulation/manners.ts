/** Workers that speak only version 1, or lie: what a real worker reads and writes is changed on its way. */

import type { ByteStream } from "../../runtime/ports.ts";
import {
  blob,
  CHOOSE,
  concat,
  DESCRIBE,
  encodeFrame,
  FieldReader,
  type Frame,
  FrameReader,
  int32,
  JOB,
  KIND_ERROR,
  KINDS,
  LIMITED_JOB,
  OK,
  textOf,
  VERSION,
  view,
} from "../fixtures/peers/frames.ts";
import { jobOf, outputOf } from "./jobs.ts";
import type { Meddle } from "./network.ts";
import type { Manner } from "./plan.ts";
import type { Random } from "./random.ts";

/** A version that no worker speaks. */
const UNKNOWN_VERSION = 99;

/** Where the description of a worker has its slots, and the number that one claims who boasts. */
const SLOTS_AT = 16;
const SLOTS_CLAIMED = 65_535;

/** Bytes of an id. All that borrow one have the same. */
const ID_BYTES = 16;

/** Where a job with limits has its input, and a choice of a core its name. */
const INPUT_AT = 36;
const SHA_256_BYTES = 32;

/** The part of its answers after which a worker that lies does so. */
const LIE_PART = 0.05;

/** What becomes of a frame. */
type Change = (frame: Frame) => readonly Frame[];

const unchanged: Change = (frame) => [frame];

/** How a worker of this manner changes what passes; `undefined`: not at all. */
export function meddleFor(manner: Manner, random: Random): Meddle | undefined {
  switch (manner) {
    case "honest":
      return undefined;
    case "version 1":
      return (stream) => new ChangedStream(stream, refuseVersion2, unchanged);
    case "boasts":
      return (stream) =>
        withMemory(
          stream,
          ({ kinds }, frame) =>
            kinds.get(frame.id) === DESCRIBE
              ? [{ ...frame, payload: boast(frame.payload) }]
              : [frame],
        );
    case "repeats":
      return (stream) =>
        withMemory(
          stream,
          ({ kinds }, frame) =>
            kinds.get(frame.id) === LIMITED_JOB && random.chance(LIE_PART)
              ? [frame, frame]
              : [frame],
        );
    case "is late":
      return (stream) =>
        withMemory(stream, ({ inputs, core }, frame) => {
          const input = inputs.get(frame.id);
          return input && isCanceled(frame) ? [lateResult(frame.id, input, core)] : [frame];
        });
    case "is silent":
      return (stream) =>
        withMemory(stream, ({ kinds }, frame) => {
          const kind = kinds.get(frame.id);
          if (kind === DESCRIBE) return [{ ...frame, payload: boast(frame.payload) }];
          return kind === JOB || kind === LIMITED_JOB ? [] : [frame];
        });
    case "borrows an id":
      return (stream) =>
        withMemory(
          stream,
          ({ kinds }, frame) =>
            kinds.get(frame.id) === DESCRIBE
              ? [{ ...frame, payload: borrowed(frame.payload) }]
              : [frame],
        );
    case "invents":
      return (stream) =>
        withMemory(
          stream,
          ({ kinds }, frame) =>
            kinds.get(frame.id) === LIMITED_JOB && random.chance(LIE_PART)
              ? [invented(frame.id), frame]
              : [frame],
        );
  }
}

/** A worker that does not speak version 2 answers 0, as the real one does to a version that it does not know. */
function refuseVersion2(frame: Frame): readonly Frame[] {
  if (frame.type !== VERSION || view(frame.payload).getUint32(0, true) === 1) return [frame];
  return [{ ...frame, payload: int32(UNKNOWN_VERSION) }];
}

function boast(description: Uint8Array): Uint8Array {
  const changed = description.slice();
  view(changed).setUint32(SLOTS_AT, SLOTS_CLAIMED, true);
  return changed;
}

function borrowed(description: Uint8Array): Uint8Array {
  return description.slice().fill(7, 0, ID_BYTES);
}

/** The answer to a job that will be sent later, or never. */
function invented(id: bigint): Frame {
  return { type: OK, id: id + 1_000n, payload: concat(int32(0), blob(new Uint8Array(4))) };
}

function isCanceled({ type, payload }: Frame): boolean {
  return type === KIND_ERROR && payload[0] === KINDS.cancelled;
}

/** The result that the job would have had. */
function lateResult(id: bigint, input: string, core: string): Frame {
  const output = outputOf(jobOf(input), core);
  return { type: OK, id, payload: concat(int32(0), blob(output)) };
}

interface Memory {
  /** The types of the messages, by their ids. */
  readonly kinds: Map<bigint, number>;
  /** The inputs of the jobs, by the ids of their messages. */
  readonly inputs: Map<bigint, string>;
  /** The name of the core that was sent last. */
  core: string;
}

/** A stream that remembers what was asked, and changes the answers. */
function withMemory(
  stream: ByteStream,
  change: (memory: Memory, frame: Frame) => readonly Frame[],
): ByteStream {
  const memory: Memory = { kinds: new Map(), inputs: new Map(), core: "" };
  const remember: Change = (frame) => {
    const { type, id, payload } = frame;
    memory.kinds.set(id, type);
    if (type === LIMITED_JOB) memory.inputs.set(id, textOf(payload.subarray(INPUT_AT)));
    if (type === CHOOSE) memory.core = new FieldReader(payload.subarray(SHA_256_BYTES)).string();
    return [frame];
  };
  return new ChangedStream(stream, remember, (frame) => change(memory, frame));
}

/** A worker's end of a connection, with changes on the way. */
class ChangedStream implements ByteStream {
  readonly peer: string;
  readonly #stream: ByteStream;
  readonly #incoming: Change;
  readonly #outgoing: Change;
  readonly #reader = new FrameReader();
  readonly #writer = new FrameReader();
  #unread = new Uint8Array(0);

  constructor(stream: ByteStream, incoming: Change, outgoing: Change) {
    this.peer = stream.peer;
    this.#stream = stream;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    while (this.#unread.byteLength === 0) {
      const bytes = await this.#stream.read(into);
      if (bytes === null) return null;
      this.#unread = changed(this.#reader.push(into.slice(0, bytes)), this.#incoming);
    }
    const part = this.#unread.subarray(0, into.byteLength);
    into.set(part);
    this.#unread = this.#unread.subarray(part.byteLength);
    return part.byteLength;
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const frames = changed(this.#writer.push(bytes.slice()), this.#outgoing);
    if (frames.byteLength > 0) await this.#stream.write(frames);
  }

  endWrites(): Promise<void> {
    return this.#stream.endWrites();
  }

  close(): void {
    this.#stream.close();
  }
}

function changed(frames: readonly Frame[], change: Change): Uint8Array<ArrayBuffer> {
  const parts = frames.flatMap(change).map(encodeFrame);
  return concat(...parts) as Uint8Array<ArrayBuffer>;
}
