/** A link does not keep the event loop to itself: it delivers a bounded number of frames in one turn, and can be told to wait. */

import assert from "node:assert/strict";
import { Link } from "../../link/link.ts";
import { encodeFrame } from "../../protocol/mod.ts";
import { concat } from "../fixtures/peers/frames.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

const FRAME = encodeFrame({ type: 1, id: 1, payload: new Uint8Array(0) });

/** A peer whose bytes have all arrived, and who says nothing more. */
function arrived(bytes: Uint8Array): ByteStream {
  let at = 0;
  return {
    peer: "peer",
    read: (into) => {
      if (at === bytes.byteLength) return new Promise(() => {});
      const part = bytes.subarray(at, at + into.byteLength);
      into.set(part);
      at += part.byteLength;
      return Promise.resolve(part.byteLength);
    },
    write: () => Promise.resolve(),
    endWrites: () => Promise.resolve(),
    close: () => {},
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

test("at most 4,096 frames are delivered in one turn of the event loop, however many have arrived", async () => {
  const count = 50_000;
  let delivered = 0;
  const events = { onFrame: () => void (delivered += 1), onClosed: () => {} };
  const stream = arrived(concat(...Array.from({ length: count }, () => FRAME)));
  const link = new Link(stream, events, { clock: new VirtualClock() });
  link.start();
  for (let before = 0; delivered < count; before = delivered) {
    await turn();
    assert(delivered - before <= 2 * 4_096, `${delivered - before} frames in a turn`);
  }
  link.close();
});

test("frames that have arrived wait while the link is paused, or told to wait, and then come in order", async () => {
  const ids: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const frames = [1, 2, 3, 4].map((id) => encodeFrame({ type: 1, id, payload: new Uint8Array(0) }));
  const link: Link = new Link(arrived(concat(...frames)), {
    onFrame: ({ id }) => {
      ids.push(Number(id));
      if (id === 1) link.hold(promise);
      if (id === 3) link.pause(true);
    },
    onClosed: () => {},
  }, { clock: new VirtualClock() });
  link.start();
  await turn();
  assert.deepEqual(ids, [1]);
  resolve();
  await turn();
  assert.deepEqual(ids, [1, 2, 3]);
  link.pause(false);
  await turn();
  assert.deepEqual(ids, [1, 2, 3, 4]);
  link.close();
});

test("a link that is closed while it waits ends", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let closed = 0;
  const link: Link = new Link(arrived(concat(FRAME, FRAME)), {
    onFrame: () => link.hold(promise),
    onClosed: () => void (closed += 1),
  }, { clock: new VirtualClock() });
  link.start();
  await turn();
  link.close();
  resolve();
  await turn();
  assert.equal(closed, 1);
});

test("frames that have arrived and wait are not delivered any more once the link is closed", async () => {
  const ids: number[] = [];
  const frames = [1, 2, 3].map((id) => encodeFrame({ type: 1, id, payload: new Uint8Array(0) }));
  const link: Link = new Link(arrived(concat(...frames)), {
    onFrame: ({ id }) => {
      ids.push(Number(id));
      link.pause(true);
    },
    onClosed: () => {},
  }, { clock: new VirtualClock() });
  link.start();
  await turn();
  link.close();
  await turn();
  assert.deepEqual(ids, [1]);
});
