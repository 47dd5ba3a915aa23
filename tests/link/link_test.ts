/** How a link ends: what was said is heard by a peer that listens, and nobody waits for one that doesn't. */

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Link } from "../../link/link.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { test } from "../lib/test.ts";

const MEBIBYTE = 2 ** 20;

/** Far below what the slow peer needs in all, and far above what it needs for a part. */
const LAST_WRITE_MS = 200;
const PART_MS = 20;
const ANSWER_BYTES = 3 * MEBIBYTE;

test("a link that ends waits for a peer that takes its last words slowly, however long that takes in all", async () => {
  const peer = new Peer(() => delay(PART_MS));
  assert.equal(await endingLink(peer).closed, undefined);
  assert.equal(peer.takenBytes, ANSWER_BYTES + 17);
});

test("a link that ends goes on when a peer takes nothing for that time", async () => {
  const peer = new Peer(() => new Promise<void>(() => {}));
  await endingLink(peer).closed;
  assert.equal(peer.takenBytes, 0);
});

test("a peer that has much to take is read from until it closes, lest its word cut off the rest", async () => {
  const peer = new Peer(() => Promise.resolve());
  peer.staysOpenMs = 1000;
  await endingLink(peer, 30_000).closed;
  assert(peer.hasClosedFirst, "the link was closed while the answer could be on its way");
});

/** A link that ends right after a large answer. */
function endingLink(
  peer: Peer,
  lastWriteMs = LAST_WRITE_MS,
): { closed: Promise<Error | undefined> } {
  const { promise: closed, resolve } = Promise.withResolvers<Error | undefined>();
  const link = new Link(peer, { onFrame: () => {}, onClosed: resolve }, { lastWriteMs });
  link.start();
  link.send(1, 7, new Uint8Array(ANSWER_BYTES));
  void link.end();
  return { closed };
}

/** Takes each part after what `take` waits for, and closes a while after it has heard the end. */
class Peer implements ByteStream {
  readonly peer = "a test";
  readonly #take: () => Promise<void>;
  readonly #over = Promise.withResolvers<null>();
  #isClosed = false;
  takenBytes = 0;
  staysOpenMs = 0;
  hasClosedFirst = false;

  constructor(take: () => Promise<void>) {
    this.#take = take;
  }

  read(): Promise<null> {
    return this.#over.promise;
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const ended = await Promise.race([this.#take(), this.#over.promise]);
    if (ended === null) throw new Error("closed");
    this.takenBytes += bytes.byteLength;
  }

  endWrites(): Promise<void> {
    setTimeout(() => {
      this.hasClosedFirst = !this.#isClosed;
      this.close();
    }, this.staysOpenMs);
    return Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
    this.#over.resolve(null);
  }
}
