/** Workers that answer a job before they have read its input get no bytes of another input behind it. */

import assert from "node:assert/strict";
import { PayloadMemory } from "../../../controller/workers/payload_memory.ts";
import type { ByteStream } from "../../../runtime/ports.ts";
import {
  blob,
  concat,
  DESCRIBE,
  encodeFrame,
  FrameReader,
  HEADER_BYTES,
  int32,
  JOB,
  KIND_ERROR,
  KINDS,
  OK,
  u64,
  utf8,
} from "../../fixtures/peers/frames.ts";
import { type Simulation, test } from "../simulation.ts";

/** More than a connection holds, so that most of it has to wait until the worker reads on. */
const INPUT_BYTES = 1024 * 1024;
const JOB_PREFIX_BYTES = 16;

/** Result, exit code 0, no output. */
const DONE = { type: OK, payload: concat(int32(0), u64(0n)) };

/** "I am about to leave, and have not begun with it." */
const RETURNED = { type: KIND_ERROR, payload: Uint8Array.of(KINDS.draining) };

test("a worker that answers before it has read the input reads that input, and no later one", async (simulation) => {
  const memory = new PayloadMemory();
  const hasty = new HastyWorker(simulation, DONE);
  const recorded = simulation.cluster({ memory });
  recorded.dial(hasty);
  const first = filled(memory, 1);
  recorded.addAll([first]);
  await recorded.completed(1);
  memory.give(first);
  const next = filled(memory, 2);
  assertOnly(await hasty.rest(simulation), 1);
  // What nobody sends any more is lent again.
  memory.give(next);
  assert.equal(filled(memory, 3).buffer, next.buffer);
});

test("a worker that returns a job before it has read the input reads that input, and no later one", async (simulation) => {
  const memory = new PayloadMemory();
  const hasty = new HastyWorker(simulation, RETURNED);
  const recorded = simulation.cluster({ memory });
  recorded.dial(hasty);
  const first = filled(memory, 1);
  recorded.addAll([first]);
  await simulation.until("the job is returned", () => hasty.hasAnswered);
  recorded.dial(await simulation.worker());
  await recorded.completed(1);
  memory.give(first);
  filled(memory, 2);
  assertOnly(await hasty.rest(simulation), 1);
});

test("an input that workers have read is lent again, also after a retry", async (simulation) => {
  const worker = await simulation.worker();
  worker.script.answerJob = ({ attempt = 1 }) =>
    attempt === 1 ? { kind: KINDS.crash, text: "crashed" } : "echo";
  const memory = new PayloadMemory();
  const recorded = simulation.cluster({ memory });
  recorded.dial(worker);
  const first = filled(memory, 1);
  recorded.addAll([first]);
  await recorded.completed(1);
  memory.give(first);
  assert.equal(filled(memory, 2).buffer, first.buffer);
});

function filled(memory: PayloadMemory, value: number): Uint8Array<ArrayBuffer> {
  const room = memory.take(INPUT_BYTES) ?? assert.fail();
  return room.fill(value);
}

function assertOnly(bytes: Uint8Array, value: number): void {
  assert.equal(bytes.byteLength, INPUT_BYTES);
  assert(bytes.every((byte) => byte === value), "it has read another input");
}

/** A worker that answers its first job when it has read the header, and then reads nothing. */
class HastyWorker {
  readonly port: number;
  hasAnswered = false;
  readonly #answer: { readonly type: number; readonly payload: Uint8Array };
  readonly #received: Uint8Array[] = [];
  #stream: ByteStream | undefined;

  constructor({ network }: Simulation, answer: { type: number; payload: Uint8Array }) {
    this.#answer = answer;
    const listener = network.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
    assert(listener.address.kind === "tcp");
    this.port = listener.address.port;
    void listener.accept().then((stream) => this.#serve(stream ?? assert.fail()));
  }

  /** Reads the rest of the input. */
  async rest({ network }: Simulation): Promise<Uint8Array> {
    const stream = this.#stream ?? assert.fail();
    const wanted = HEADER_BYTES + JOB_PREFIX_BYTES + INPUT_BYTES;
    void this.#readOn(stream, wanted);
    await network.clock.until("it has read all", () => this.#receivedBytes >= wanted);
    return concat(...this.#received).subarray(HEADER_BYTES + JOB_PREFIX_BYTES, wanted);
  }

  async #readOn(stream: ByteStream, wanted: number): Promise<void> {
    while (this.#receivedBytes < wanted) this.#received.push(await chunkOf(stream));
  }

  get #receivedBytes(): number {
    return this.#received.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  async #serve(stream: ByteStream): Promise<void> {
    this.#stream = stream;
    const reader = new FrameReader();
    for (;;) {
      const chunk = await chunkOf(stream);
      const send = (type: number, id: bigint, payload: Uint8Array) =>
        stream.write(encodeFrame({ type, id, payload }) as Uint8Array<ArrayBuffer>);
      if (chunk[0] === JOB && !reader.isInsideFrame) {
        const { type, payload } = this.#answer;
        this.#received.push(chunk);
        await send(
          type,
          new DataView(chunk.buffer, chunk.byteOffset).getBigUint64(1, true),
          payload,
        );
        this.hasAnswered = true;
        return;
      }
      for (const { type, id } of reader.push(chunk)) await send(OK, id, responseTo(type));
    }
  }
}

async function chunkOf(stream: ByteStream): Promise<Uint8Array> {
  const space = new Uint8Array(64 * 1024);
  const bytes = await stream.read(space);
  return space.subarray(0, bytes ?? assert.fail("the connection is closed"));
}

/** One slot, and a machine without a name. Everything else is confirmed. */
function responseTo(type: number): Uint8Array {
  if (type !== DESCRIBE) return Uint8Array.of(1);
  const text = blob(utf8("m"));
  return concat(new Uint8Array(16).fill(7), int32(1), u64(0n), text, text, text, int32(0));
}
