/** Why a link is closed that a handler of its events has ended. */

import assert from "node:assert/strict";
import { Link } from "../../link/link.ts";
import { encodeVersion, ProtocolError } from "../../protocol/mod.ts";
import { MemoryNetwork } from "../lib/memory_network.ts";
import { test } from "../lib/test.ts";

test("a link that a bug has closed says where the bug is, in one line", async () => {
  const reason = await reasonAfter(() => (undefined as unknown as Uint8Array).fill(0));
  assert.match(
    reason.message,
    /^this is a bug of distcomp, please report it: TypeError: .* at .*bug_error_test\.ts:\d+/,
  );
  assert(!reason.message.includes("\n"));
});

test("a link that a peer or the system has closed has their error as the reason, without calls", async () => {
  const errors = [
    new ProtocolError("no frame"),
    new Error("no space left"),
    Object.assign(new TypeError("it was closed"), { code: "ERR_CLOSED" }),
  ];
  for (const error of errors) {
    const reason = await reasonAfter(() => {
      throw error;
    });
    assert.equal(reason, error);
  }
});

test("a link for which no memory is left says so, and blames no bug", async () => {
  const reason = await reasonAfter(() => void new ArrayBuffer(2 ** 45));
  assert.equal(reason.message, "this process has no memory left for it");
});

/** Why a link is closed on which a frame has arrived that is handled so. */
async function reasonAfter(onFrame: () => void): Promise<Error> {
  const { clock, runtime } = new MemoryNetwork();
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const near = await runtime.dial(listener.address, 1_000);
  const far = await listener.accept();
  let reason: Error | undefined;
  const onClosed = (error?: Error) => reason = error;
  const link = new Link(near, { onFrame, onBroken: (error) => link.close(error), onClosed }, {
    clock,
  });
  link.start();
  await far?.write(encodeVersion(7, 2));
  return await clock.until("it is closed", () => reason);
}
