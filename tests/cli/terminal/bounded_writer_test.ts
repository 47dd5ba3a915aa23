/** Tests of the bounded writer: it waits for a slow reader, but not for one that has stopped. */

import assert from "node:assert/strict";
import { BoundedWriter } from "../../../cli/terminal/bounded_writer.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const LINE = `${"x".repeat(99)}\n`;

/** More lines than the queue holds. */
const TOO_MANY = 20_000;

test("lines are written in order, and those of one turn in one write", async () => {
  const reader = new Reader();
  for (const line of ["a\n", "b\n", "c\n"]) reader.writer.write(line);
  assert(reader.writer.isBusy);
  await reader.writer.flush();
  assert.deepEqual(reader.taken, ["a\nb\nc\n"]);
  assert(!reader.writer.isBusy);
});

test("lines that a full queue drops are counted, and reported at their place", async () => {
  const reader = new Reader();
  reader.pause();
  for (let line = 0; line < TOO_MANY; line++) reader.writer.write(LINE);
  reader.resume();
  await reader.writer.flush();
  reader.writer.write("after\n");
  await reader.writer.flush();
  const text = reader.taken.join("");
  const written = text.split(LINE).length - 1;
  assert(written > 0 && written < TOO_MANY);
  const rest = `… ${TOO_MANY - written} lines were lost here: stderr was blocked or full\nafter\n`;
  assert(text.endsWith(LINE + rest), text.slice(-200));
});

test("there is room again for text that can wait when a slow reader has read", async () => {
  const reader = new Reader();
  assert.equal(reader.writer.room(), undefined);
  reader.pause();
  while (!reader.writer.room()) reader.writer.write(LINE);
  const room = reader.writer.room();
  reader.resume();
  await room;
  assert.equal(reader.writer.room(), undefined);
  await reader.writer.flush();
  assert.doesNotMatch(reader.taken.join(""), /lost/);
});

test("nothing waits for a reader that has read nothing for three seconds", async () => {
  const reader = new Reader();
  reader.pause();
  while (!reader.writer.room()) reader.writer.write(LINE);
  let hasRoom = false;
  void reader.writer.room()?.then(() => hasRoom = true);
  await reader.clock.advance(2_999);
  assert(!hasRoom);
  await reader.clock.advance(1);
  assert(hasRoom);
  assert.equal(reader.writer.room(), undefined);
});

test("flush waits as long as the reader reads, and no longer", async () => {
  const reader = new Reader();
  reader.pause();
  for (let line = 0; line < 1_000; line++) reader.writer.write(LINE);
  let isFlushed = false;
  void reader.writer.flush(1_000).then(() => isFlushed = true);
  for (let second = 0; second < 3; second++) {
    await reader.clock.advance(500);
    reader.takeOne();
    await reader.clock.advance(500);
    assert(!isFlushed, "it has read since");
  }
  await reader.clock.advance(1_000);
  assert(isFlushed, "it has read nothing for a second");
  assert.equal(reader.taken.length, 3);
});

test("a closed pipe is not an error, and no text is kept for it", async () => {
  const writer = new BoundedWriter(
    () => Promise.reject(new Error("broken pipe")),
    new VirtualClock(),
  );
  for (let line = 0; line < TOO_MANY; line++) writer.write(LINE);
  await writer.flush();
  assert.equal(writer.room(), undefined);
  assert(!writer.isBusy);
});

test("a line is written whenever it comes, also in the moment in which the one before was", async () => {
  for (let moment = 0; moment < 20; moment++) {
    const taken: string[] = [];
    const writer = new BoundedWriter((bytes) => {
      taken.push(new TextDecoder().decode(bytes));
      return Promise.resolve();
    }, new VirtualClock());
    writer.write("one\n");
    while (taken.length === 0) await undefined;
    for (let turns = 0; turns < moment; turns++) await undefined;
    writer.write("two\n");
    await writer.flush();
    assert.equal(taken.join(""), "one\ntwo\n", `${moment} turns later`);
  }
});

test("lines that a full disk has not taken are reported when it has room again", async () => {
  let isFull = true;
  const taken: string[] = [];
  const writer = new BoundedWriter((bytes) => {
    if (isFull) return Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
    taken.push(new TextDecoder().decode(bytes));
    return Promise.resolve();
  }, new VirtualClock());
  for (const line of ["a\n", "b\n", "c\n"]) {
    writer.write(line);
    await writer.flush();
  }
  isFull = false;
  writer.write("d\n");
  await writer.flush();
  assert.equal(taken.join(""), "… 3 lines were lost here: stderr was blocked or full\nd\n");
});

/** Reads what a writer writes, unless it is paused. */
class Reader {
  readonly taken: string[] = [];
  readonly clock = new VirtualClock();
  readonly writer = new BoundedWriter(async (bytes) => {
    const text = new TextDecoder().decode(bytes);
    await this.#reads.promise;
    this.taken.push(text);
  }, this.clock);
  #reads = Promise.withResolvers<void>();

  constructor() {
    this.resume();
  }

  pause(): void {
    this.#reads = Promise.withResolvers<void>();
  }

  resume(): void {
    this.#reads.resolve();
  }

  /** Takes the write that waits, and none after it. */
  takeOne(): void {
    const { resolve } = this.#reads;
    this.pause();
    resolve();
  }
}
