/** How many connections a listener has open, and how fast it accepts more. */

import assert from "node:assert/strict";
import { ConnectionLimit } from "../../link/connection_limit.ts";
import { CLOSING_STREAMS_MAX } from "../../link/closing_streams.ts";
import { decodeError, FrameDecoder } from "../../protocol/mod.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

const LIMITS = { all: 6, perHost: 4, accepted: { perSecond: 100, atOnce: 32 } };

let lastPort = 1_000;

class Listener {
  readonly clock = new VirtualClock();
  readonly refused: string[] = [];
  readonly asked: (string | undefined)[] = [];
  idle: ByteStream[] = [];
  readonly limit = new ConnectionLimit(this.clock, LIMITS, {
    makeRoom: (host) => {
      this.asked.push(host);
      const stream = this.idle.pop();
      stream?.close();
      return stream !== undefined;
    },
    onRefused: (_, reason) => void this.refused.push(reason),
  });

  async connect(
    host: string,
    more: Partial<ByteStream> = {},
  ): Promise<ByteStream & { readonly isAdmitted: boolean }> {
    const stream = {
      peer: `${host}:${++lastPort}`,
      read: () => new Promise<null>(() => {}),
      write: () => Promise.resolve(),
      endWrites: () => Promise.resolve(),
      close: () => {},
      ...more,
    };
    return Object.assign(stream, { isAdmitted: await this.limit.admit(stream) });
  }
}

test("one host has at most its part of the connections, and the others have the rest", async () => {
  const listener = new Listener();
  for (let index = 0; index < 4; index++) await listener.connect("10.0.0.1");
  assert.equal((await listener.connect("10.0.0.1")).isAdmitted, false);
  assert.match(listener.refused.join(), /^too many connections from this host: 4 are open/);
  assert.equal((await listener.connect("10.0.0.2")).isAdmitted, true);
  assert.equal((await listener.connect("[::1]")).isAdmitted, true);
  assert.equal((await listener.connect("10.0.0.3")).isAdmitted, false);
  assert.deepEqual(listener.asked, ["10.0.0.1", undefined]);
});

test("all loopback addresses count as one host, and so does a network of IPv6 addresses", async () => {
  for (const hosts of ["127.0.0.", "[2001:db8::"]) {
    const listener = new Listener();
    const end = hosts.startsWith("[") ? "]" : "";
    for (let index = 1; index <= 4; index++) await listener.connect(`${hosts}${index}${end}`);
    assert.equal((await listener.connect(`${hosts}9${end}`)).isAdmitted, false);
    assert.equal((await listener.connect("10.0.0.2")).isAdmitted, true);
  }
});

test("an idle connection gives its place to a new one, and a closed one counts no longer", async () => {
  const listener = new Listener();
  const streams = [];
  for (let index = 0; index < 4; index++) streams.push(await listener.connect("10.0.0.1"));
  listener.idle = [streams[0] as ByteStream];
  assert.equal((await listener.connect("10.0.0.1")).isAdmitted, true);
  assert.equal(listener.limit.count, 4);
  for (const stream of streams) stream.close();
  for (const stream of streams) stream.close(); // closing twice counts once
  assert.equal(listener.limit.count, 1);
});

test("sixteen of those that are too many are told why at a time, for a second, the others are closed at once", async () => {
  const listener = new Listener();
  for (let index = 0; index < 6; index++) await listener.connect(`10.0.0.${index}`);
  let told: Uint8Array[] = [];
  let closed = 0;
  const write = (bytes: Uint8Array) => Promise.resolve(void told.push(bytes.slice()));
  const close = () => void (closed += 1);
  const refused = async (count: number) => {
    for (let index = 0; index < count; index++) {
      await listener.connect("10.0.1.1", { write, close });
    }
  };
  await refused(CLOSING_STREAMS_MAX + 4);
  assert.deepEqual([told.length, closed], [CLOSING_STREAMS_MAX, 4]);
  const decoder = new FrameDecoder();
  decoder.space().set(told[0] as Uint8Array);
  decoder.commit(told[0]?.byteLength ?? 0);
  const frame = decoder.next();
  assert(frame);
  assert.deepEqual([frame.type, Number(frame.id)], [0xff, 0]);
  const reason = "too many connections: 6 are open and in use, the most; a place may be free later";
  assert.equal(decodeError(frame.payload), reason);
  await listener.clock.advance(1_000);
  assert.equal(closed, CLOSING_STREAMS_MAX + 4);
  told = [];
  // The other end has read it, and closes.
  const end = () => Promise.resolve(null);
  await listener.connect("10.0.1.1", { write, close, read: end });
  await listener.clock.advance(0);
  assert.deepEqual([told.length, closed], [0, CLOSING_STREAMS_MAX + 5]);
});

test("connections that come and go without end are accepted at a hundred a second", async () => {
  const listener = new Listener();
  let accepted = 0;
  const accept = async () => {
    for (;;) {
      (await listener.connect("10.0.0.1")).close();
      accepted += 1;
    }
  };
  void accept();
  await listener.clock.advance(100);
  const before = accepted;
  assert(before >= LIMITS.accepted.atOnce, "a burst is accepted at once");
  await listener.clock.advance(1_000);
  assert(accepted - before <= 101, `${accepted - before} in a second`);
});
