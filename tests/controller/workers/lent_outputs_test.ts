/** Outputs in memory that is used again never show bytes of another job, whatever workers send. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { PayloadMemory } from "../../../controller/workers/payload_memory.ts";
import { encodeFrame, type Frame, FrameDecoder, HEADER_BYTES } from "../../../protocol/mod.ts";
import { Choices, randomTest, RUNS_ALL, SEED } from "../../lib/random.ts";
import { test } from "../../lib/test.ts";

const OK = 1;
const LONG = 200_000;
const SHORT = 198_000; // it fits into the same memory

test("a short output behind a long one has its own bytes and no more, also in the same memory", () => {
  const memory = new PayloadMemory();
  const decoder = decoderWith(memory);
  const [long = assert.fail()] = decoder.feed(frameOf(1, LONG));
  memory.give(long.payload);
  const [short = assert.fail()] = decoder.feed(frameOf(2, SHORT));
  assert(short.payload.buffer === long.payload.buffer, "it is in other memory");
  assertWhole(short, SHORT);
});

test("what a worker has sent of an output before it died is in no other output", () => {
  const memory = new PayloadMemory();
  const dying = decoderWith(memory);
  assert.deepEqual(dying.feed(frameOf(1, LONG).subarray(0, LONG / 2)), []);
  dying.close();
  assert(memory.freeBytes > 0, "its memory is free");
  const [output = assert.fail()] = decoderWith(memory).feed(frameOf(2, LONG));
  assert.equal(memory.freeBytes, 0, "its memory is used");
  assertWhole(output, LONG);
});

test("a worker that announces more than it sends gets no earlier output delivered as its own", () => {
  const memory = new PayloadMemory();
  const [secret = assert.fail()] = decoderWith(memory).feed(frameOf(1, LONG));
  memory.give(secret.payload);
  const hostile = decoderWith(memory);
  assert.deepEqual(hostile.feed(frameOf(2, LONG).subarray(0, HEADER_BYTES + 1)), []);
  assert.equal(hostile.next(), undefined);
  hostile.discardArriving(); // given up, as if it were too slow
  const rest = new Uint8Array(LONG - 1).fill(2);
  assert.deepEqual(hostile.feed(rest), []);
  const [next = assert.fail()] = hostile.feed(frameOf(3, SHORT));
  assertWhole(next, SHORT);
});

randomTest(
  "outputs of several workers, cut anywhere and given back at any time, stay apart",
  async () => {
    const choices = new Choices(SEED);
    for (let round = 0; round < (RUNS_ALL ? 100 : 5); round++) runWorkers(choices);
    await Promise.resolve();
  },
);

/** Three workers send outputs, of which some are kept for a while, and die at times. */
function runWorkers(choices: Choices): void {
  const memory = new PayloadMemory();
  const workers = Array.from({ length: 3 }, () => new SendingWorker(memory));
  const kept: { readonly frame: Frame; readonly bytes: number }[] = [];
  for (let step = 0; step < 200; step++) {
    const worker = workers[choices.below(3)] as SendingWorker;
    if (choices.onceIn(20)) worker.die();
    else kept.push(...worker.send(choices));
    while (kept.length > 4) {
      const [{ frame, bytes } = assert.fail()] = kept.splice(choices.below(kept.length), 1);
      assertWhole(frame, bytes);
      memory.give(frame.payload);
    }
  }
}

/** Sends its outputs in parts of any size. */
class SendingWorker {
  readonly #memory: PayloadMemory;
  #decoder: FrameDecoder;
  #rest = new Uint8Array(0);
  #bytes = 0;
  #id = 0;

  constructor(memory: PayloadMemory) {
    this.#memory = memory;
    this.#decoder = decoderWith(memory);
  }

  die(): void {
    this.#decoder.close();
    this.#decoder = decoderWith(this.#memory);
    this.#rest = new Uint8Array(0);
  }

  send(choices: Choices): { frame: Frame; bytes: number }[] {
    if (this.#rest.byteLength === 0) {
      this.#bytes = choices.between(1, 300_000);
      this.#rest = frameOf(this.#id = choices.between(1, 250), this.#bytes);
    }
    const part = this.#rest.subarray(0, choices.between(1, 200_000));
    this.#rest = this.#rest.subarray(part.byteLength);
    return this.#decoder.feed(part).map((frame) => {
      assert.equal(frame.id, this.#id);
      return { frame, bytes: this.#bytes };
    });
  }
}

function decoderWith(memory: PayloadMemory): FrameDecoder {
  return new FrameDecoder({ findPlace: memory.findPlace });
}

/** The output of a job is its id, again and again. */
function frameOf(id: number, bytes: number): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: OK, id, payload: new Uint8Array(bytes).fill(id) });
}

function assertWhole({ id, payload }: Frame, bytes: number): void {
  assert.equal(payload.byteLength, bytes);
  assert(Buffer.alloc(bytes, Number(id)).equals(payload), `output ${id} has other bytes`);
}
