/** The value of `--listen`. */

import assert from "node:assert/strict";
import { parseListen } from "../../../cli/options/listen_option.ts";
import { formatAddress } from "../../../link/address.ts";
import { test } from "../../lib/test.ts";

test("a port alone means all addresses of this machine", () => {
  const texts = ["7433", ":7433", "0", "127.0.0.1", "node7:1", "unix:/tmp/w"];
  assert.deepEqual(texts.map((text) => formatAddress(parseListen(text))), [
    "0.0.0.0:7433",
    "0.0.0.0:7433",
    "0.0.0.0:0",
    "127.0.0.1:7433",
    "node7:1",
    "unix:/tmp/w",
  ]);
  assert.throws(() => parseListen("70000"), /port must be 0–65535, not "70000"/);
});
