/** What a link counts returns to zero, and a link that is closed or ended in the middle of its work does no more of it. */

import assert from "node:assert/strict";
import { Link } from "../../link/link.ts";
import type { LinkEvents } from "../../link/link_events.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { concat, encodeFrame } from "../fixtures/peers/frames.ts";
import { MemoryNetwork } from "../lib/memory_network.ts";
import { test } from "../lib/test.ts";

/** How long an ending link reads on after little, and after much, was sent. */
const LINGER_MS = 500;
const LINGER_MUCH_MS = 30_000;

/** With more bytes in flight than this, a link lingers longer. */
const FAST_END_BYTES_MAX = 64 * 1024;

const HEADER_BYTES = 17;

test("bytes that wait to be written are counted until the system has taken them", async () => {
  const { link, peer, network } = await connected();
  assert.equal(link.pendingBytes, 0);
  link.send(1, 7, new Uint8Array(1_000_000));
  assert.equal(link.pendingBytes, 1_000_000 + HEADER_BYTES);
  await network.clock.advance(0);
  assert.equal(link.pendingBytes, 1_000_000, "the system has the header, and some of the payload");
  await drain(peer, 1_000_000 + HEADER_BYTES);
  await network.clock.advance(0);
  assert.equal(link.pendingBytes, 0);
});

test("bytes in flight are counted until anything arrives from the peer", async () => {
  const { link, peer, network } = await connected();
  for (const bytes of [100, 200]) {
    link.send(1, 7, new Uint8Array(bytes));
    await network.clock.advance(0);
  }
  assert.equal(link.unacknowledgedBytes, 300 + 2 * HEADER_BYTES);
  await peer.write(frame(1));
  await network.clock.advance(0);
  assert.equal(link.unacknowledgedBytes, 0);
});

for (
  const [what, bytes, lingerMs] of [
    ["64 KiB that may be on their way", FAST_END_BYTES_MAX, LINGER_MS],
    ["more than 64 KiB that may be on their way", FAST_END_BYTES_MAX + 1, LINGER_MUCH_MS],
  ] as const
) {
  test(`a link that ends after ${what} reads on for ${lingerMs / 1000} s`, async () => {
    const { link, closed, network } = await connected();
    link.send(1, 7, new Uint8Array(bytes - HEADER_BYTES));
    await network.clock.advance(0);
    assert.deepEqual([link.pendingBytes, link.unacknowledgedBytes], [0, bytes]);
    void link.end();
    await network.clock.advance(lingerMs - 1);
    assert.equal(closed.length, 0);
    await network.clock.advance(1);
    assert.equal(closed.length, 1);
    assert.equal(network.clock.timers, 0);
  });
}

test("a link that its owner closes while it gets a frame delivers no frame behind it", async () => {
  const ids: unknown[] = [];
  const { link, peer, closed, network } = await connected({
    onFrame: ({ id }) => {
      ids.push(id);
      if (id === 2) link.close();
    },
  });
  await peer.write(frames(1, 2, 3));
  await network.clock.advance(0);
  assert.deepEqual([ids, closed], [[1, 2], [undefined]]);
});

test("a link that its owner ends while it gets a frame delivers no frame behind it", async () => {
  const ids: unknown[] = [];
  const { link, peer, network } = await connected({
    onFrame: ({ id }) => {
      ids.push(id);
      void link.end();
    },
  });
  await peer.write(frames(1, 2));
  await peer.write(frame(3));
  await network.clock.advance(LINGER_MS);
  assert.deepEqual(ids, [1]);
});

test("a link whose peer leaves in the middle of a frame is broken, but not once it is ending", async () => {
  for (const isEnding of [false, true]) {
    const { link, peer, closed, network } = await connected();
    await peer.write(frame(1).subarray(0, 5));
    await network.clock.advance(0);
    const ended = isEnding ? link.end() : undefined;
    await peer.endWrites();
    await network.clock.advance(0);
    await ended;
    assert.equal(closed.length, 1);
    assert.equal(closed[0]?.name, isEnding ? undefined : "TruncatedFrameError");
  }
});

test("a paused link reads nothing, and goes on when it is resumed", async () => {
  const ids: unknown[] = [];
  const { link, peer, network } = await connected({ onFrame: ({ id }) => void ids.push(id) });
  link.pause(true);
  await peer.write(frame(1)); // the read that is under way gets it
  await peer.write(frame(2));
  await network.clock.advance(0);
  const before = ids.length;
  assert(before < 2);
  link.pause(false);
  await network.clock.advance(0);
  assert.deepEqual(ids, [1, 2]);
});

test("a paused link that ends reads what its peer sends, and closes when the peer does", async () => {
  const { link, peer, closed, network } = await connected();
  link.pause(true);
  await peer.write(frame(1));
  await network.clock.advance(0);
  const ended = link.end();
  await peer.write(frame(2));
  await peer.endWrites();
  await network.clock.advance(LINGER_MS - 1);
  assert.equal(closed.length, 1, "it has not waited for its limit");
  await ended;
});

test("a paused link that is closed stops reading", async () => {
  let reads = 0;
  const { link, peer, network } = await connected({}, (stream) => ({
    ...bound(stream),
    read: async (into) => {
      reads += 1;
      const bytes = await stream.read(into);
      reads -= 1;
      return bytes;
    },
  }));
  link.pause(true);
  await peer.write(frame(1));
  await network.clock.advance(0);
  link.close();
  await network.clock.advance(0);
  await link.end(); // returns at once
  assert.deepEqual([reads, network.clock.timers], [0, 0]);
});

test("a link that is paused while it ends has ended all the same after its limit", async () => {
  const { link, peer, closed, network } = await connected();
  let hasEnded = false;
  void link.end().then(() => hasEnded = true);
  link.pause(true); // as by the flow control of its owner
  await peer.write(frame(1));
  await network.clock.advance(LINGER_MS);
  assert.deepEqual([closed.length, hasEnded], [1, true]);
});

test("a link that is closed while it is ending sets no further timer", async () => {
  const { link, closed, network } = await connected({}, (stream) => ({
    ...bound(stream),
    endWrites: async () => {
      await stream.endWrites();
      link.close(new Error("closed meanwhile"));
    },
  }));
  void link.end();
  await network.clock.advance(0);
  assert.deepEqual(closed.map((reason) => reason?.message), ["closed meanwhile"]);
  assert.equal(network.clock.timers, 0);
});

test("a link that is closed while it writes reports nothing more, however the write ends", async () => {
  for (const fails of [false, true]) {
    const written = Promise.withResolvers<void>();
    let drains = 0;
    const { link, closed, network } = await connected(
      { onDrained: () => void (drains += 1) },
      (stream) => ({ ...bound(stream), write: () => written.promise }),
    );
    link.send(1, 7, new Uint8Array(10));
    await network.clock.advance(0);
    link.close(new Error("no longer wanted"));
    if (fails) written.reject(new Error("connection reset"));
    else written.resolve();
    await network.clock.advance(60_000);
    assert.deepEqual(closed.map((reason) => reason?.message), ["no longer wanted"]);
    assert.deepEqual([drains, network.clock.timers], [0, 0]);
  }
});

test("a link that is ended while it writes, and again, writes all and ends once", async () => {
  const { link, peer, closed, network } = await connected();
  link.send(1, 7, new Uint8Array(1_000_000));
  await network.clock.advance(0);
  const ended = [link.end(), link.end()];
  await drain(peer, 1_000_000 + HEADER_BYTES);
  assert.equal(await peer.read(new Uint8Array(1)), null);
  await peer.endWrites();
  await network.clock.advance(0);
  await Promise.all(ended);
  assert.deepEqual(closed, [undefined]);
  assert.deepEqual([link.pendingBytes, network.clock.timers], [0, 0]);
});

test("a link that cannot write closes with that reason, once", async () => {
  const { link, closed, network } = await connected({}, (stream) => ({
    ...bound(stream),
    write: () => Promise.reject(new Error("connection reset")),
  }));
  link.send(1, 7, new Uint8Array(10));
  await network.clock.advance(0);
  link.send(1, 8, new Uint8Array(10));
  await network.clock.advance(0);
  assert.deepEqual(closed.map((reason) => reason?.message), ["connection reset"]);
});

/** A link, its peer, and the reasons with which it was closed. */
async function connected(
  events: Partial<LinkEvents> = {},
  wrap: (stream: ByteStream) => ByteStream = (stream) => stream,
) {
  const network = new MemoryNetwork();
  const listener = network.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const near = await network.dial(listener.address);
  const peer = await listener.accept() ?? assert.fail("it is not accepted");
  listener.close();
  const closed: (Error | undefined)[] = [];
  const onClosed = (reason: Error | undefined) => void closed.push(reason);
  const link: Link = new Link(wrap(near), { onFrame: () => {}, onClosed, ...events }, {
    clock: network.clock,
  });
  link.start();
  return { link, peer, closed, network };
}

/** The stream's methods, to replace one of them. */
function bound(stream: ByteStream): ByteStream {
  return {
    peer: stream.peer,
    read: (into) => stream.read(into),
    write: (bytes) => stream.write(bytes),
    endWrites: () => stream.endWrites(),
    close: () => stream.close(),
  };
}

function frame(id: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encodeFrame({ type: 1, id: BigInt(id), payload: new Uint8Array(3) }));
}

function frames(...ids: number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(concat(...ids.map(frame)));
}

/** Reads this many bytes. */
async function drain(stream: ByteStream, bytes: number): Promise<void> {
  for (let left = bytes; left > 0;) left -= await stream.read(new Uint8Array(left)) ?? left;
}
