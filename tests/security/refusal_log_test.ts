/** Log lines about refused connections. */

import assert from "node:assert/strict";
import { RefusalLog } from "../../security/refusal_log.ts";
import { silentLog } from "../../system/log.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

test("a refused peer has one line in a minute, and what it says of itself is cut", async () => {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const refusals = new RefusalLog(clock, { ...silentLog, warn: (line) => void lines.push(line) });
  const long = new Error(`it says: ${"x".repeat(100_000)}`);
  refusals.onRefused("10.0.0.1:1", long);
  refusals.onRefused("10.0.0.1:2", long);
  await clock.advance(60_000);
  refusals.onRefused("10.0.0.1:3", long);
  assert.equal(lines.length, 2);
  assert.match(lines[1] ?? "", /… \(and 1 more from 10\.0\.0\.1 before\)$/);
  for (const line of lines) assert(line.length < 5_000, `${line.length} characters`);
});

test("a thousand hosts that are refused have few lines in a minute", async () => {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const refusals = new RefusalLog(clock, { ...silentLog, warn: (line) => void lines.push(line) });
  const reason = new Error("it has no key");
  for (let second = 0; second < 60; second++) {
    for (let host = 0; host < 1_000; host++) {
      refusals.onRefused(`10.0.${host >> 8}.${host & 255}:1`, reason);
      refusals.onRefused(`[2001:db8::${host}]:1`, reason);
    }
    await clock.advance(900);
  }
  assert(lines.length <= 52, `${lines.length} lines`);
  assert.equal(lines.filter((line) => line.includes("2001:db8")).length, 1);
});
