/** How a link ends: a peer that reads gets everything, and a peer that reads nothing does not delay the end. */

import assert from "node:assert/strict";
import { Link } from "../../link/link.ts";
import { type Clock, delay } from "../../runtime/clock.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

const MEBIBYTE = 2 ** 20;

/** An ending link closes when the peer has read nothing for this long. */
const LAST_WRITE_MS = 30_000;
const ANSWER_BYTES = 3 * MEBIBYTE;
const HEADER_BYTES = 17;

test("an ending link waits for a slow peer that reads some of the answer every 30 s", async () => {
  const clock = new VirtualClock();
  const peer = new Peer(clock, () => delay(clock, LAST_WRITE_MS - 1));
  const link = endingLink(clock, peer);
  await clock.until("the link is closed", () => link.hasClosed, 3_600_000);
  assert.equal(peer.takenBytes, ANSWER_BYTES + HEADER_BYTES);
  assert(clock.now() > 10 * LAST_WRITE_MS, `it has waited for ${clock.now()} ms`);
  assert.equal(clock.timers, 0);
});

test("an ending link closes when the peer has read nothing for 30 s", async () => {
  const clock = new VirtualClock();
  const peer = new Peer(clock, () => new Promise<void>(() => {}));
  const link = endingLink(clock, peer);
  await clock.advance(LAST_WRITE_MS - 1);
  assert.equal(link.hasClosed, false);
  await clock.advance(1);
  assert.equal(link.hasClosed, true);
  assert.equal(peer.takenBytes, 0);
  assert.equal(clock.timers, 0);
});

test("an ending link that has sent much reads on until the peer closes, for up to 30 s", async () => {
  const clock = new VirtualClock();
  const peer = new Peer(clock, () => Promise.resolve());
  peer.staysOpenMs = LAST_WRITE_MS - 1;
  const link = endingLink(clock, peer);
  await clock.until("the link is closed", () => link.hasClosed);
  assert(peer.hasClosedFirst, "the link was closed while the answer could be on its way");
});

test("an ending link that has sent little reads on for half a second", async () => {
  const clock = new VirtualClock();
  const peer = new Peer(clock, () => Promise.resolve());
  peer.staysOpenMs = LAST_WRITE_MS;
  const link = endingLink(clock, peer, 1);
  await clock.advance(499);
  assert.equal(link.hasClosed, false);
  await clock.advance(1);
  assert.equal(link.hasClosed, true);
});

test("a frame that is sent while the last write is reported goes out as well", async () => {
  const clock = new VirtualClock();
  const peer = new Peer(clock, () => Promise.resolve());
  let drains = 0;
  const link = new Link(peer, {
    onFrame: () => {},
    onDrained: () => {
      drains += 1;
      if (drains === 1) link.send(1, 8, new Uint8Array(0));
    },
    onClosed: () => {},
  }, { clock });
  link.send(1, 7, new Uint8Array(0));
  await clock.until("both frames are written", () => drains === 2);
  assert.equal(peer.takenBytes, 2 * HEADER_BYTES);
});

/** A link that ends right after an answer, which is large by default. */
function endingLink(
  clock: Clock,
  peer: Peer,
  answerBytes = ANSWER_BYTES,
): { readonly hasClosed: boolean } {
  const state = { hasClosed: false };
  const onClosed = (reason: Error | undefined) => {
    assert.equal(reason, undefined);
    state.hasClosed = true;
  };
  const link = new Link(peer, { onFrame: () => {}, onClosed }, { clock });
  link.start();
  link.send(1, 7, new Uint8Array(answerBytes));
  void link.end();
  return state;
}

/** Reads each written piece after `take` resolves, and closes some time after the last one. */
class Peer implements ByteStream {
  readonly peer = "a test";
  readonly #clock: Clock;
  readonly #take: () => Promise<void>;
  readonly #over = Promise.withResolvers<null>();
  #isClosed = false;
  takenBytes = 0;
  staysOpenMs = 0;
  hasClosedFirst = false;

  constructor(clock: Clock, take: () => Promise<void>) {
    this.#clock = clock;
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
    this.#clock.after(this.staysOpenMs, () => {
      this.hasClosedFirst = !this.#isClosed;
      this.close();
    });
    return Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
    this.#over.resolve(null);
  }
}
