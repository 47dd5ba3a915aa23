/** What a slot holds back, as its worker sees it in shared memory. */

import assert from "node:assert/strict";
import type { SlotChannel } from "../../runtime/ports.ts";
import { GatheredAnswers } from "../../slot/gathered_answers.ts";
import {
  SLOT_ANSWERS_AT,
  SLOT_ANSWERS_BYTES_MAX,
  SLOT_SHARED_BYTES,
  SlotNumber,
  slotNumberAt,
} from "../../slot/shared_layout.ts";
import { test } from "../lib/test.ts";

const OK = 0x01;

test("what was gathered when a job starts is in shared memory, byte for byte, until it is written", () => {
  const slot = new Slot();
  slot.answer(1, 100);
  assert.equal(slot.heldBytes, 0, "no job has started since");
  slot.answers.publish();
  const held = slot.held();
  slot.answer(2, 200); // of the job that has just ended
  assert.deepEqual(slot.held(), held);
  slot.answers.flush();
  assert.deepEqual([slot.heldBytes, slot.writtenBytes], [0, slot.channel.bytes.length]);
  assert.deepEqual(slot.channel.bytes.slice(0, held.length), held);
});

test("the registration is not counted, and what is written beside the gathered answers is", () => {
  const slot = new Slot();
  slot.answers.writer.frame(OK, 9, new Uint8Array(0));
  slot.answers.flush();
  slot.answers.onRegistered();
  assert.equal(slot.writtenBytes, 0);
  slot.answers.write(new Uint8Array(30));
  assert.equal(slot.writtenBytes, 30);
});

test("answers that do not fit into the memory are written before more are gathered", () => {
  const slot = new Slot();
  for (let id = 1; id <= 10; id++) {
    slot.answers.makeRoom(30_000);
    slot.answer(id, 30_000);
    slot.answers.publish();
    assert(slot.heldBytes <= SLOT_ANSWERS_BYTES_MAX);
    assert.deepEqual(slot.held().slice(-30_000), Array(30_000).fill(id), `answer ${id} is there`);
  }
});

/** The answers of a slot, and its connection. */
class Slot {
  readonly channel = { bytes: [] as number[] };
  readonly #shared = new ArrayBuffer(SLOT_SHARED_BYTES);
  readonly answers = new GatheredAnswers(
    {
      write: (bytes: Uint8Array) => void this.channel.bytes.push(...bytes),
      usage: { nowUs: () => 0 },
    } as unknown as SlotChannel,
    this.#shared,
  );

  get heldBytes(): number {
    return new DataView(this.#shared).getFloat64(slotNumberAt(SlotNumber.heldBytes), true);
  }

  get writtenBytes(): number {
    return new DataView(this.#shared).getFloat64(slotNumberAt(SlotNumber.writtenBytes), true);
  }

  /** What the worker would take. */
  held(): number[] {
    return [...new Uint8Array(this.#shared, SLOT_ANSWERS_AT, this.heldBytes)];
  }

  answer(id: number, bytes: number): void {
    this.answers.writer.frame(OK, id, new Uint8Array(bytes).fill(id));
  }
}
