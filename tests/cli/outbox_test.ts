/** What is said on stderr waits for a slow reader, and for no other. */

import assert from "node:assert/strict";
import { Outbox } from "../../cli/outbox.ts";
import { test } from "../lib/test.ts";

const LINE = `${"x".repeat(99)}\n`;

/** More lines than wait at most. */
const TOO_MANY = 20_000;

test("lines come in order, and those said in one go leave together", async () => {
  const reader = new Reader();
  for (const line of ["a\n", "b\n", "c\n"]) reader.outbox.push(line);
  await reader.outbox.flush();
  assert.deepEqual(reader.taken, ["a\nb\nc\n"]);
});

test("lines for which there is no room are counted, and told of where they are missing", async () => {
  const reader = new Reader();
  reader.stop();
  for (let line = 0; line < TOO_MANY; line++) reader.outbox.push(LINE);
  reader.goOn();
  await reader.outbox.flush();
  reader.outbox.push("after\n");
  await reader.outbox.flush();
  const text = reader.taken.join("");
  const came = text.split(LINE).length - 1;
  assert(came > 0 && came < TOO_MANY);
  const rest = `… ${TOO_MANY - came} lines were lost here, for which there was no room\nafter\n`;
  assert(text.endsWith(LINE + rest), text.slice(-200));
});

test("what can wait has room again when a slow reader has read", async () => {
  const reader = new Reader();
  assert.equal(reader.outbox.room(), undefined);
  reader.stop();
  while (!reader.outbox.room()) reader.outbox.push(LINE);
  const room = reader.outbox.room();
  reader.goOn();
  await room;
  assert.equal(reader.outbox.room(), undefined);
  await reader.outbox.flush();
  assert.doesNotMatch(reader.taken.join(""), /lost/);
});

test("nothing waits for room with a reader that reads nothing", async () => {
  const reader = new Reader();
  reader.stop();
  while (!reader.outbox.room()) reader.outbox.push(LINE);
  await reader.outbox.room();
  assert.equal(reader.outbox.room(), undefined);
  reader.goOn();
  await reader.outbox.flush();
});

test("the end waits for a reader that reads, and for no other", async () => {
  const reader = new Reader();
  reader.stop();
  reader.outbox.push(LINE);
  await reader.outbox.flush(10);
  assert.deepEqual(reader.taken, []);
  reader.goOn();
  await reader.outbox.flush(10);
  assert.deepEqual(reader.taken, [LINE]);
});

test("a reader that is gone is no error, and nothing is kept for it", async () => {
  const outbox = new Outbox(() => Promise.reject(new Error("broken pipe")));
  for (let line = 0; line < TOO_MANY; line++) outbox.push(LINE);
  await outbox.flush();
  assert.equal(outbox.room(), undefined);
});

test("a line leaves whenever it comes, also in the moment in which the one before has left", async () => {
  for (let moment = 0; moment < 20; moment++) {
    const taken: string[] = [];
    const outbox = new Outbox((bytes) => {
      taken.push(new TextDecoder().decode(bytes));
      return Promise.resolve();
    });
    outbox.push("one\n");
    while (taken.length === 0) await undefined;
    for (let turns = 0; turns < moment; turns++) await undefined;
    outbox.push("two\n");
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(taken.join(""), "one\ntwo\n", `${moment} turns later`);
  }
});

test("lines that a full disk has not taken are told of when it has room again", async () => {
  let isFull = true;
  const taken: string[] = [];
  const outbox = new Outbox((bytes) => {
    if (isFull) return Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
    taken.push(new TextDecoder().decode(bytes));
    return Promise.resolve();
  });
  for (const line of ["a\n", "b\n", "c\n"]) {
    outbox.push(line);
    await outbox.flush();
  }
  isFull = false;
  outbox.push("d\n");
  await outbox.flush();
  assert.equal(taken.join(""), "… 3 lines were lost here, for which there was no room\nd\n");
});

/** Reads what an outbox writes, unless it was stopped. */
class Reader {
  readonly taken: string[] = [];
  readonly outbox = new Outbox(async (bytes) => {
    const text = new TextDecoder().decode(bytes);
    await this.#goesOn.promise;
    this.taken.push(text);
  });
  #goesOn = Promise.withResolvers<void>();

  constructor() {
    this.goOn();
  }

  stop(): void {
    this.#goesOn = Promise.withResolvers<void>();
  }

  goOn(): void {
    this.#goesOn.resolve();
  }
}
