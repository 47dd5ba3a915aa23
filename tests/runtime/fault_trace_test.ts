/** What a process that has died of a bad memory access has left about it. */

import assert from "node:assert/strict";
import { stackGap } from "../../runtime/native/fault_trace.ts";
import { test } from "../lib/test.ts";

const MAPS = `00400000-00500000 r-xp 00000000 08:01 17 /usr/bin/program
7f0000000000-7f0000100000 r-xp 00000000 08:01 18 /usr/lib/libc.so.6
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]
7ffc00100000-7ffc00102000 r-xp 00000000 00:00 0 [vdso]
`;

test("the gap below the stack ends where the stack ends, and begins behind what is mapped before it", () => {
  const to = 0x7ffc00021000;
  assert.deepEqual(stackGap(MAPS), { from: to - 512 * 1024 * 1024, to });
  const close = MAPS.replace("7f0000000000-7f0000100000", "7ffbf0000000-7ffbf8000000");
  assert.deepEqual(stackGap(close), { from: 0x7ffbf8000000, to });
  assert.equal(stackGap(MAPS.replace("[stack]", "")), undefined);
  assert.equal(stackGap(""), undefined);
});
