/** Answers that a slot holds back: none is missing in the end, and none comes twice, however its connection ends. */

import assert from "node:assert/strict";
import type { Frame } from "../../../protocol/mod.ts";
import type { DispatchId } from "../../../pool/types.ts";
import type { Files, SharedFile } from "../../../runtime/files/files.ts";
import type { ByteStream } from "../../../runtime/ports.ts";
import { derivedStream } from "../../../security/derived_stream.ts";
import {
  SLOT_ANSWERS_AT,
  SLOT_ANSWERS_BYTES_MAX,
  SLOT_SHARED_BYTES,
  SlotNumber,
  slotNumberAt,
} from "../../../slot/shared_layout.ts";
import { HeldAnswers } from "../../../worker/slots/transport/held_answers.ts";
import { SlotSharedMemory } from "../../../worker/slots/transport/slot_shared_memory.ts";
import { concat, encodeFrame, OK, utf8 } from "../../fixtures/peers/frames.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { test } from "../../lib/test.ts";

test("what a slot held back when it was lost follows at the end of its connection", async () => {
  const slot = await Slot.connected();
  await slot.writes(1, 2);
  slot.holds(3, 4, 5);
  await slot.ends();
  assert.deepEqual(slot.answered, [1, 2, 3, 4, 5]);
});

test("a slot that is killed in the midst of a write has all its answers, each once", async () => {
  for (const cut of [1, 20, 40, 100]) {
    const slot = await Slot.connected();
    await slot.writes(1);
    slot.holds(2, 3, 4);
    await slot.sends(answersOf(2, 3, 4).subarray(0, cut));
    await slot.ends();
    assert.deepEqual(slot.answered, [1, 2, 3, 4], `after ${cut} bytes`);
  }
});

test("a slot that is killed just after a write has no answer twice", async () => {
  const slot = await Slot.connected();
  slot.holds(1, 2);
  await slot.sends(answersOf(1, 2)); // what it has written is not noted yet
  await slot.ends();
  assert.deepEqual(slot.answered, [1, 2]);
});

test("a connection that fails because the slot had not read all its jobs has its answers, too", async () => {
  const failed = Promise.withResolvers<never>();
  const slot = await Slot.connected((stream) =>
    derivedStream(stream, { read: () => failed.promise })
  );
  slot.holds(1, 2);
  failed.reject(new Error("ECONNRESET"));
  await slot.network.clock.advance(0);
  assert.deepEqual(slot.answered, [1, 2]);
  assert.equal(slot.closed, "ECONNRESET");
});

test("answers behind which a job takes long are taken at the second look, and not again when they arrive", async () => {
  const slot = await Slot.connected();
  await slot.writes(1);
  slot.holds(2, 3);
  slot.runs(4);
  slot.answers.onTick();
  assert.deepEqual(slot.answered, [1]);
  slot.answers.onTick();
  assert.deepEqual(slot.answered, [1, 2, 3]);
  slot.answers.onTick();
  const rest = answersOf(2, 3, 4);
  for (let at = 0; at < rest.byteLength; at += 7) await slot.sends(rest.subarray(at, at + 7));
  slot.noteWritten();
  await slot.writes(5);
  await slot.ends();
  assert.deepEqual(slot.answered, [1, 2, 3, 4, 5]);
});

test("answers are not taken while one job follows the other", async () => {
  const slot = await Slot.connected();
  for (let id = 1; id <= 10; id++) {
    slot.holds(id);
    slot.runs(id + 1);
    slot.answers.onTick();
  }
  assert.deepEqual(slot.answered, []);
});

test("answers are not taken while some that were written before have not arrived", async () => {
  const slot = await Slot.connected();
  slot.note(100, answersOf(2)); // of which the worker has none
  slot.runs(3);
  slot.answers.onTick();
  slot.answers.onTick();
  assert.deepEqual(slot.answered, []);
});

test("whatever a core writes there, the worker reads no more than that memory", async () => {
  for (
    const [writtenBytes, heldBytes] of [
      [0, Infinity],
      [0, NaN],
      [NaN, 10],
      [-5, 1e9],
      [0, SLOT_ANSWERS_BYTES_MAX + 1],
      [-1e300, 10],
      [0, 0.5],
      [-0.25, 0.5],
    ] as const
  ) {
    const slot = await Slot.connected();
    slot.writeNumbers(writtenBytes, heldBytes);
    await slot.ends();
    assert.deepEqual(slot.answered, [], `${writtenBytes}, ${heldBytes}`);
    assert.notEqual(slot.closed, undefined, "it is not read again and again");
  }
});

test("what a core writes there in place of answers breaks its connection only", async () => {
  const slot = await Slot.connected();
  slot.note(0, new Uint8Array(64).fill(0xff));
  slot.runs(3);
  slot.answers.onTick();
  slot.answers.onTick();
  await slot.network.clock.advance(0);
  assert.deepEqual(slot.answered, []);
  assert.match(slot.closed ?? "", /payload/);
});

test("an answer that nobody waits for, which a core writes there, breaks its connection only", async () => {
  const slot = await Slot.connected();
  slot.onAnswer = () => {
    throw new Error("A slot answered job 99, which it was not sent");
  };
  slot.note(0, answersOf(99));
  slot.runs(3);
  slot.answers.onTick();
  slot.answers.onTick();
  await slot.network.clock.advance(0);
  assert.match(slot.closed ?? "", /job 99/);
});

test("answers are not taken if the job ends while the worker reads them", async () => {
  for (const change of ["written", "started"] as const) {
    const slot = await Slot.connected();
    slot.holds(1, 2);
    slot.runs(3);
    slot.answers.onTick();
    slot.onRead = () => {
      // The slot has written them, and gathers the next one in their place.
      if (change === "written") slot.note(1_000, answersOf(4));
      else slot.runs(4);
    };
    slot.answers.onTick();
    assert.deepEqual(slot.answered, [], change);
  }
});

const PATH = "/slot";

/** A slot, as its worker sees it: its connection, and the memory that both share. */
class Slot {
  readonly network = new MemoryNetwork();
  readonly #disk = new MemoryDisk();
  /** Called when the worker has read the numbers, and is about to read answers. */
  onRead = () => {};
  onAnswer = (id: number) => void this.answered.push(id);
  readonly #sharedMemory = new SlotSharedMemory(this.#filesWithLooks(), PATH, 0);
  readonly answered: number[] = [];
  closed: string | undefined;
  answers!: HeldAnswers;
  #there!: ByteStream;
  #sentBytes = 0;

  static async connected(changed = (stream: ByteStream) => stream): Promise<Slot> {
    const slot = new Slot();
    const listener = slot.network.listen({ kind: "unix", path: "slots" });
    slot.#there = await slot.network.dial(listener.address);
    const here = await listener.accept();
    assert(here);
    listener.close();
    slot.answers = new HeldAnswers(changed(here), slot.#sharedMemory, {
      onFrame: ({ id }: Frame) => slot.onAnswer(Number(id)),
      onClosed: (reason) => slot.closed = reason?.message ?? "",
    });
    slot.answers.open({ clock: slot.network.clock }).start();
    return slot;
  }

  /** It writes answers, and notes that. */
  async writes(...ids: number[]): Promise<void> {
    await this.sends(answersOf(...ids));
    this.noteWritten();
  }

  async sends(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    void this.#there.write(bytes.slice());
    this.#sentBytes += bytes.byteLength;
    await this.network.clock.advance(0);
  }

  noteWritten(): void {
    this.note(this.#sentBytes, new Uint8Array(0));
  }

  /** It gathers answers, and starts the next job. */
  holds(...ids: number[]): void {
    this.note(this.#sentBytes, answersOf(...ids));
  }

  note(writtenBytes: number, held: Uint8Array): void {
    this.#memory.set(held, SLOT_ANSWERS_AT);
    this.writeNumbers(writtenBytes, held.byteLength);
  }

  writeNumbers(writtenBytes: number, heldBytes: number): void {
    const { buffer, byteOffset } = this.#memory;
    const view = new DataView(buffer, byteOffset, SLOT_SHARED_BYTES);
    view.setFloat64(slotNumberAt(SlotNumber.writtenBytes), writtenBytes, true);
    view.setFloat64(slotNumberAt(SlotNumber.heldBytes), heldBytes, true);
  }

  /** It starts a job. */
  runs(id: number): void {
    const { buffer, byteOffset } = this.#memory;
    new DataView(buffer, byteOffset).setFloat64(0, id as DispatchId, true);
  }

  async ends(): Promise<void> {
    this.#there.close();
    await this.network.clock.advance(0);
  }

  #filesWithLooks(): Files {
    const { files } = this.#disk;
    const open = files.openShared.bind(files);
    files.openShared = (path) => {
      const file = open(path);
      const read: SharedFile["read"] = (into, at) => {
        if (at !== undefined) this.onRead();
        file.read(into, at);
      };
      return { ...file, read };
    };
    return files;
  }

  get #memory(): Uint8Array<ArrayBuffer> {
    return this.#disk.bytes(PATH) ?? assert.fail("the memory is gone");
  }
}

function answersOf(...ids: number[]): Uint8Array<ArrayBuffer> {
  const frames = ids.map((id) =>
    encodeFrame({ type: OK, id: BigInt(id), payload: utf8(`answer ${id}`) })
  );
  return new Uint8Array(concat(...frames));
}
