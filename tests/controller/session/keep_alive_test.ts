/** What keeps a program alive while its session has something to do. */

import assert from "node:assert/strict";
import { KeepAlive } from "../../../controller/session/keep_alive.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

test("a program is kept alive until the last reason is gone", () => {
  const clock = new VirtualClock();
  const keepAlive = new KeepAlive(clock);
  keepAlive.hold();
  keepAlive.hold();
  assert.equal(clock.timers, 1);
  keepAlive.release();
  assert.equal(clock.timers, 1);
  keepAlive.release();
  assert.equal(clock.timers, 0);
  keepAlive.hold();
  assert.equal(clock.timers, 1);
  keepAlive.release();
});

test("a program is kept alive during a promise, whether it succeeds or fails", async () => {
  const clock = new VirtualClock();
  const keepAlive = new KeepAlive(clock);
  const [good, bad] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const kept = [good, bad].map(({ promise }) => keepAlive.during(promise));
  assert.equal(clock.timers, 1);
  good.resolve("value");
  bad.reject(new Error("lost"));
  assert.equal(await kept[0], "value");
  await assert.rejects(kept[1] as Promise<string>, /lost/);
  assert.equal(clock.timers, 0);
});
