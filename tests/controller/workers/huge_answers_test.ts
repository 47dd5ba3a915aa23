/** Where answers go that are too large to be in memory, and what the run makes of them. */

import assert from "node:assert/strict";
import type { StoredOutput } from "../../../controller/huge_outputs.ts";
import type { Phase } from "../../../controller/workers/connection_events.ts";
import { hugeAnswerOf, placesFor } from "../../../controller/workers/huge_answers.ts";
import {
  DiscardedBlob,
  type HugePlace,
  JOB_RESULT_PREFIX_BYTES,
  ResponseType,
  USAGE_BYTES,
  writeUint64,
} from "../../../protocol/mod.ts";
import { test } from "../../lib/test.ts";

const BYTES = 2 ** 33;
const HEADS = [
  [ResponseType.ok, JOB_RESULT_PREFIX_BYTES],
  [ResponseType.okWithUsage, USAGE_BYTES + JOB_RESULT_PREFIX_BYTES],
] as const;

test("only the output of a job that was sent has a place, whatever a worker announces", () => {
  for (const [type, headBytes] of HEADS) {
    const place = found(type, 7, headBytes + BYTES);
    assert.equal(place?.head.byteLength, headBytes);
    assert.equal(found(type, 8, headBytes + BYTES), undefined, "no such job");
    assert.equal(found(type, 7, headBytes + 2 ** 40 + 1), undefined, "more than a tebibyte");
    assert.equal(found(type, 7, headBytes + BYTES, { kind: "introduced" }), undefined);
  }
  assert.equal(found(ResponseType.kindError, 7, BYTES), undefined);
});

test("where no output can be stored, the job fails, and says why", () => {
  for (const [type, headBytes] of HEADS) {
    const place = placesFor({}, () => SERVING).findHugePlace?.(type, 7, headBytes + BYTES);
    assert(place instanceof DiscardedBlob);
    const answer = hugeAnswerOf(frameOf(type, place), place);
    assert(answer.kind === "error");
    assert.match(
      answer.message,
      /is larger than 1 GiB: that needs a run with an output folder/,
    );
  }
  const full = found(ResponseType.ok, 7, JOB_RESULT_PREFIX_BYTES + BYTES, SERVING, "disk is full");
  assert(full instanceof DiscardedBlob);
  assert.equal(full.reason, "disk is full");
});

test("the output of a job that has failed is dropped, and any other is the answer's", () => {
  for (const [type, headBytes] of HEADS) {
    for (const exitCode of [0, 3]) {
      const place = found(type, 7, headBytes + BYTES) as HugePlace & Stored;
      const head = new DataView(place.head.buffer);
      head.setInt32(headBytes - JOB_RESULT_PREFIX_BYTES, exitCode, true);
      writeUint64(head, headBytes - 8, BYTES);
      const answer = hugeAnswerOf(frameOf(type, place), place);
      assert(answer.kind === "result");
      assert.equal(answer.result.exitCode, exitCode);
      assert.equal(answer.stored, exitCode === 0 ? place : undefined);
      assert.equal(place.discards, exitCode === 0 ? 0 : 1);
      assert.equal(answer.usage, type === ResponseType.ok ? undefined : place.head);
    }
  }
});

test("a head that names another size than was announced is an error of the worker", () => {
  const [type, headBytes] = HEADS[0];
  const place = found(type, 7, headBytes + BYTES) as HugePlace;
  assert.throws(() => hugeAnswerOf(frameOf(type, place), place), {
    name: "MalformedPayloadError",
  });
});

const SERVING = { kind: "serving", isAwaited: (id: number) => id === 7 } as unknown as Phase;

interface Stored extends StoredOutput {
  discards: number;
}

function found(type: number, id: number, bytes: number, phase = SERVING, problem?: string) {
  const hugeOutputs = { open: stored, problemOf: () => problem };
  return placesFor({ hugeOutputs }, () => phase).findHugePlace?.(type, id, bytes);
}

function stored(headBytes: number, bytes: number): HugePlace & Stored {
  return {
    head: new Uint8Array(headBytes),
    space: () => new Uint8Array(1),
    onFilled: () => undefined,
    release: () => {},
    byteLength: bytes,
    sha256: "",
    discards: 0,
    discard() {
      this.discards += 1;
    },
  };
}

function frameOf(type: number, huge: HugePlace) {
  return { type, id: 7, payload: huge.head, huge };
}
