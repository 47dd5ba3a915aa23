/** Frames, gathered into few writes. */

import assert from "node:assert/strict";
import {
  encodeFrame,
  FrameWriter,
  HEADER_BYTES,
  JOB_PREFIX_BYTES,
  type JobLimits,
  type Uint64,
} from "../../protocol/mod.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";
import { anyByte, anyExitCode, anyUint64, around, recordOf } from "./arbitraries.ts";
import { assertSameBytes, concat, encodeJob, encodeJobResponse, pattern } from "./bytes.ts";

const KIB = 1024;

type Bytes = Uint8Array<ArrayBuffer>;

/** A generated frame, which is short when printed, however large its payload. */
type Entry =
  | { readonly kind: "job"; readonly id: Uint64; readonly job: Uint64; readonly size: number }
  | {
    readonly kind: "limited";
    readonly id: Uint64;
    readonly attempt: number;
    readonly limit: number;
    readonly job: Uint64;
    readonly size: number;
  }
  | {
    readonly kind: "result";
    readonly id: Uint64;
    readonly exitCode: number;
    readonly size: number;
  }
  | {
    readonly kind: "reserved";
    readonly id: Uint64;
    readonly exitCode: number;
    readonly size: number;
  }
  | { readonly kind: "frame"; readonly id: Uint64; readonly type: number; readonly size: number };

/** A payload is copied up to 32 KiB, and a batch has 128 KiB. */
const anySize = fc.oneof(
  { weight: 3, arbitrary: fc.nat(200) },
  { weight: 3, arbitrary: around(32 * KIB, 3) },
  { weight: 1, arbitrary: around(128 * KIB, 40) },
  { weight: 1, arbitrary: fc.nat(200 * KIB) },
);

const anyEntry: fc.Arbitrary<Entry> = fc.oneof(
  recordOf({ kind: fc.constant("job" as const), id: anyUint64, job: anyUint64, size: anySize }),
  recordOf({
    kind: fc.constant("limited" as const),
    id: anyUint64,
    attempt: fc.nat(2 ** 32 - 1),
    limit: fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs)),
    job: anyUint64,
    size: anySize,
  }),
  recordOf({
    kind: fc.constant("result" as const),
    id: anyUint64,
    exitCode: anyExitCode,
    size: anySize,
  }),
  recordOf({
    kind: fc.constant("reserved" as const),
    id: anyUint64,
    exitCode: anyExitCode,
    size: fc.oneof(fc.nat(200), around(32 * KIB - 3, 3)),
  }),
  recordOf({ kind: fc.constant("frame" as const), id: anyUint64, type: anyByte, size: anySize }),
);

test("a writer gives the same bytes as the encode functions", () => {
  fc.assert(fc.property(fc.array(anyEntry, { maxLength: 30 }), (entries) => {
    const writer = new FrameWriter();
    for (const entry of entries) write(writer, entry);
    assertSameBytes(concat(takeAll(writer)), concat(entries.map(encode)));
    assert.equal(writer.pendingBytes, 0);
  }));
});

type Step =
  | { readonly kind: "write"; readonly entry: Entry }
  | { readonly kind: "take" }
  | { readonly kind: "release"; readonly which: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  recordOf({ kind: fc.constant("write" as const), entry: anyEntry }),
  recordOf({ kind: fc.constant("take" as const) }),
  recordOf({ kind: fc.constant("release" as const), which: fc.nat() }),
);

test("pieces stay unchanged until they are released, in any order", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60, size: "max" }), (steps) => {
      const run = new Run();
      for (const step of steps) run.step(step);
      run.finish();
    }),
    { numRuns: 300 },
  );
});

/** A writer, with a record of what went in and what came out. */
class Run {
  readonly #writer = new FrameWriter();
  readonly #written: Bytes[] = [];
  readonly #taken: Bytes[] = [];
  #unreleased: { piece: Bytes; copy: Bytes }[] = [];

  step(step: Step): void {
    if (step.kind === "write") this.#write(step.entry);
    else if (step.kind === "take") this.#take();
    else this.#release(step.which);
    assert.equal(this.#writer.pendingBytes, totalBytes(this.#written) - totalBytes(this.#taken));
  }

  finish(): void {
    while (this.#take());
    while (this.#unreleased.length > 0) this.#release(0);
    assertSameBytes(concat(this.#taken), concat(this.#written), "the stream");
    assert.equal(this.#writer.pendingBytes, 0);
  }

  #write(entry: Entry): void {
    write(this.#writer, entry);
    this.#written.push(encode(entry));
  }

  #take(): boolean {
    const piece = this.#writer.take();
    if (!piece) return false;
    assert.notEqual(piece.byteLength, 0);
    const copy = piece.slice();
    this.#taken.push(copy);
    this.#unreleased.push({ piece, copy });
    return true;
  }

  #release(which: number): void {
    const [lent] = this.#unreleased.splice(which % (this.#unreleased.length || 1), 1);
    if (!lent) return;
    assertSameBytes(lent.piece, lent.copy, "a piece that is being written");
    this.#writer.release(lent.piece);
  }
}

test("a piece stays unchanged although a later one of the same batch was released first", () => {
  const writer = new FrameWriter();
  writer.frame(1, 1, pattern(100, 1));
  const first = writer.take();
  writer.frame(1, 2, pattern(100, 2));
  const second = writer.take();
  assert(first && second);
  writer.release(second);
  const before = first.slice();
  writer.frame(1, 3, pattern(100, 3));
  assertSameBytes(first, before);
});

test("a thousand small jobs are one write", () => {
  const writer = new FrameWriter();
  for (let id = 0; id < 1_000; id++) writer.job(id, id, pattern(64));
  assert.equal(takeAll(writer).length, 1);
});

test("a writer whose pieces are released in order never allocates a second batch", () => {
  const writer = new FrameWriter();
  const large = pattern(40 * KIB);
  const buffers = new Set<ArrayBuffer>();
  for (let id = 0; id < 20_000; id++) {
    writer.job(id, id, id % 2 === 0 ? large : large.subarray(0, 100));
    for (let piece = writer.take(); piece; piece = writer.take()) {
      buffers.add(piece.buffer);
      writer.release(piece);
    }
  }
  buffers.delete(large.buffer);
  assert.equal(buffers.size, 1);
});

test("a piece that is never released costs one batch", () => {
  const writer = new FrameWriter();
  writer.job(0, 0, pattern(100));
  const kept = writer.take();
  assert(kept);
  const buffers = new Set<ArrayBuffer>();
  for (let id = 1; id < 20_000; id++) {
    writer.job(id, id, pattern(100));
    const piece = writer.take();
    assert(piece);
    buffers.add(piece.buffer);
    writer.release(piece);
  }
  assert(buffers.delete(kept.buffer));
  assert.equal(buffers.size, 1);
});

test("frames are right wherever in them a batch ends", () => {
  const filler: Entry = { kind: "frame", type: 1, id: 1, size: 31 * KIB };
  const entries: Entry[] = [
    { kind: "job", id: 2, job: 3, size: 5 },
    { kind: "limited", id: 2, attempt: 3, limit: 4, job: 5, size: 5 },
    { kind: "result", id: 2, exitCode: -1, size: 5 },
    { kind: "reserved", id: 2, exitCode: -1, size: 5 },
    { kind: "frame", id: 2, type: 0xff, size: 5 },
  ];
  for (const entry of entries) {
    for (let room = 0; room < 60; room++) {
      const rest = 128 * KIB - 4 * (HEADER_BYTES + filler.size) - HEADER_BYTES - room;
      const all = [filler, filler, filler, filler, { ...filler, size: rest }, entry, entry];
      const writer = new FrameWriter();
      for (const each of all) write(writer, each);
      assertSameBytes(concat(takeAll(writer)), concat(all.map(encode)), `${entry.kind}, ${room}`);
    }
  }
});

test("a payload of up to 32 KiB may change as soon as it is passed to the writer", () => {
  const writer = new FrameWriter();
  const input = pattern(32 * KIB);
  const expected = encodeJob(1, 2, input);
  writer.job(1, 2, input);
  input.fill(0);
  assertSameBytes(concat(takeAll(writer)), expected);
});

test("the input of a job with limits, up to 32 KiB, may change as soon as it is passed to the writer", () => {
  const writer = new FrameWriter();
  const entry = { kind: "limited", id: 1, attempt: 2, limit: 30_000, job: 3, size: 0 } as const;
  const input = pattern(32 * KIB);
  const expected = encodeLimitedJob(entry, input);
  writer.limitedJob(1, 2, limitsOf(entry), 3, input);
  input.fill(0);
  assertSameBytes(concat(takeAll(writer)), expected);
});

test("a payload over 32 KiB is not copied", () => {
  const writer = new FrameWriter();
  const output = pattern(32 * KIB + 1);
  writer.jobResult(1, 0, output);
  const [, payload] = takeAll(writer);
  assert.equal(payload, output);
});

test("pending bytes are those gathered and not yet taken", () => {
  const writer = new FrameWriter();
  assert.equal(writer.pendingBytes, 0);
  writer.job(1, 1, pattern(3));
  assert.equal(writer.pendingBytes, HEADER_BYTES + JOB_PREFIX_BYTES + 3);
  writer.frame(1, 1, pattern(40 * KIB));
  assert.equal(writer.pendingBytes, HEADER_BYTES + JOB_PREFIX_BYTES + 3 + HEADER_BYTES + 40 * KIB);
  const piece = writer.take();
  assert(piece);
  assert.equal(writer.pendingBytes, 40 * KIB);
  writer.release(piece);
  assert.equal(writer.pendingBytes, 40 * KIB);
});

test("reserved room has exactly the size asked for, and overlaps nothing", () => {
  const writer = new FrameWriter();
  for (let i = 0; i < 10; i++) {
    writer.jobResultHead(i, i, 32 * KIB);
    const room = writer.reserve(32 * KIB);
    assert.equal(room.byteLength, 32 * KIB);
    room.set(pattern(32 * KIB, i));
  }
  const expected = Array.from(
    { length: 10 },
    (_, i) => encodeJobResponse(i, { exitCode: i, output: pattern(32 * KIB, i) }),
  );
  assertSameBytes(concat(takeAll(writer)), concat(expected));
});

test("an output may be reserved in several parts", () => {
  const writer = new FrameWriter();
  const output = pattern(200 * KIB);
  writer.jobResultHead(9, -1, output.byteLength);
  for (let at = 0; at < output.byteLength; at += 25 * KIB) {
    writer.reserve(25 * KIB).set(output.subarray(at, at + 25 * KIB));
  }
  assertSameBytes(concat(takeAll(writer)), encodeJobResponse(9, { exitCode: -1, output }));
});

function write(writer: FrameWriter, entry: Entry): void {
  const payload = payloadOf(entry);
  switch (entry.kind) {
    case "job":
      return writer.job(entry.id, entry.job, payload);
    case "limited":
      return writer.limitedJob(entry.id, entry.attempt, limitsOf(entry), entry.job, payload);
    case "result":
      return writer.jobResult(entry.id, entry.exitCode, payload);
    case "reserved":
      writer.jobResultHead(entry.id, entry.exitCode, payload.byteLength);
      writer.reserve(payload.byteLength).set(payload);
      return;
    case "frame":
      return writer.frame(entry.type, entry.id, payload);
  }
}

function encode(entry: Entry): Bytes {
  const payload = payloadOf(entry);
  switch (entry.kind) {
    case "job":
      return encodeJob(entry.id, entry.job, payload);
    case "limited":
      return encodeLimitedJob(entry, payload);
    case "result":
    case "reserved":
      return encodeJobResponse(entry.id, { exitCode: entry.exitCode, output: payload });
    case "frame":
      return encodeFrame({ type: entry.type, id: entry.id, payload });
  }
}

/** Encoded by hand, because there is no other function for it. */
function encodeLimitedJob(entry: Entry & { kind: "limited" }, input: Bytes): Bytes {
  const { timeMs, memoryBytes } = limitsOf(entry);
  const head = new DataView(new ArrayBuffer(HEADER_BYTES + 36));
  head.setUint8(0, 0x06);
  head.setBigUint64(1, BigInt(entry.id), true);
  head.setBigUint64(9, BigInt(36 + input.byteLength), true);
  head.setUint32(17, entry.attempt, true);
  head.setBigUint64(21, BigInt(timeMs), true);
  head.setBigUint64(29, BigInt(memoryBytes), true);
  head.setBigUint64(37, BigInt(entry.job), true);
  head.setBigUint64(45, BigInt(input.byteLength), true);
  return concat([new Uint8Array(head.buffer), input]);
}

/** Two different generated limits. */
function limitsOf({ limit }: Entry & { kind: "limited" }): JobLimits {
  return { timeMs: limit, memoryBytes: Math.floor(limit / 3) };
}

function payloadOf(entry: Entry): Bytes {
  return pattern(entry.size, Number(entry.id) % 1_000);
}

function takeAll(writer: FrameWriter): Bytes[] {
  const pieces: Bytes[] = [];
  for (let piece = writer.take(); piece; piece = writer.take()) pieces.push(piece);
  return pieces;
}

function totalBytes(pieces: readonly Bytes[]): number {
  return pieces.reduce((total, piece) => total + piece.byteLength, 0);
}

test("a frame in memory of the caller's is one piece, and released once it is written", () => {
  const writer = new FrameWriter();
  const memory = new Uint8Array(100_000).fill(7);
  const released: number[] = [];
  writer.frame(1, 1, pattern(3));
  writer.frameInPlace(2, 9, memory.subarray(64, 50_064), () => released.push(1));
  writer.frame(3, 3, pattern(5));
  assert.equal(writer.pendingBytes, 3 * HEADER_BYTES + 50_008);
  const [first, frame, last] = [writer.take(), writer.take(), writer.take()];
  assert(first && frame && last);
  assert.equal(frame.buffer, memory.buffer);
  assertSameBytes(frame, encodeFrame({ type: 2, id: 9, payload: new Uint8Array(50_000).fill(7) }));
  for (const piece of [first, last]) writer.release(piece);
  assert.deepEqual(released, []);
  writer.release(frame);
  writer.release(frame);
  assert.deepEqual(released, [1]);
});

test("a writer that is closed releases what it still has, but not what is being written", () => {
  const writer = new FrameWriter();
  const released: number[] = [];
  for (const id of [1, 2]) {
    writer.frameInPlace(0, id, new Uint8Array(200).subarray(64), () => released.push(id));
  }
  const writing = writer.take();
  writer.close();
  assert.deepEqual(released, [2]);
  assert.equal(writer.take(), undefined);
  assert.equal(writer.pendingBytes, 0);
  assert(writing);
  writer.release(writing);
  assert.deepEqual(released, [2, 1]);
});
