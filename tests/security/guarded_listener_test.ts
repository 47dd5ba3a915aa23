/** How many connections a guarded listener accepts. */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { systemClock } from "../../runtime/clock.ts";
import type { ByteStream, StreamListener } from "../../runtime/ports.ts";
import { GuardedListener } from "../../security/guarded_listener.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

test("connections that nobody takes wait in the queue of the system, but for one", async () => {
  let accepted = 0;
  let isClosed = false;
  const endless: StreamListener = {
    address: { kind: "tcp", host: "127.0.0.1", port: 1 },
    accept: () => Promise.resolve(isClosed ? null : streamOf(++accepted)),
    close: () => isClosed = true,
  };
  const listener = new GuardedListener(endless, systemClock, {
    admit: (stream) => stream,
    onRefused: () => assert.fail("nobody is refused"),
  });
  for (let taken = 0; taken < 3; taken++) {
    await setImmediate();
    assert.equal(accepted, taken + 1);
    assert.equal((await listener.accept())?.peer, `peer ${taken + 1}`);
  }
  listener.close();
});

test("connections that have to prove who they are are accepted at a thousand a second, after a burst", async () => {
  const clock = new VirtualClock();
  let accepted = 0;
  const endless: StreamListener = {
    address: { kind: "tcp", host: "0.0.0.0", port: 1 },
    accept: () => Promise.resolve(streamOf(++accepted)),
    close: () => {},
  };
  const listener = new GuardedListener(endless, clock, {
    admit: () => Promise.reject(new Error("it has gone")),
    onRefused: () => {},
  });
  await clock.advance(100);
  const before = accepted;
  assert(before >= 512, "a burst is accepted at once");
  await clock.advance(1_000);
  const inSecond = accepted - before;
  assert(inSecond >= 999 && inSecond <= 1_001, `${inSecond} in a second`);
  listener.close();
});

function streamOf(number: number): ByteStream {
  const nothing = () => Promise.resolve();
  return {
    peer: `peer ${number}`,
    read: () => new Promise(() => {}),
    write: nothing,
    endWrites: nothing,
    close: () => {},
  };
}
