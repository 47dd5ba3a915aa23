/** How many connections a guarded listener accepts ahead. */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { ByteStream, StreamListener } from "../../runtime/ports.ts";
import { GuardedListener } from "../../security/guarded_listener.ts";
import { test } from "../lib/test.ts";

test("connections that nobody takes wait in the queue of the system, but for one", async () => {
  let accepted = 0;
  let isClosed = false;
  const endless: StreamListener = {
    address: { kind: "tcp", host: "127.0.0.1", port: 1 },
    accept: () => Promise.resolve(isClosed ? null : streamOf(++accepted)),
    close: () => isClosed = true,
  };
  const listener = new GuardedListener(endless, {
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
