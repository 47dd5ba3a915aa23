/** Whoever wants to know when this side closes a stream. */

import assert from "node:assert/strict";
import { onClose } from "../../runtime/on_close.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { test } from "../lib/test.ts";

test("what is to be done when a stream is closed is done once, also if it closes the stream itself", () => {
  let closed = 0;
  let acts = 0;
  const stream = { close: () => void (closed += 1) } as ByteStream;
  onClose(stream, () => {
    acts += 1;
    stream.close();
  });
  stream.close();
  stream.close();
  assert.equal(acts, 1);
  assert(closed > 0, "the stream itself is closed");
});
