/** Which connections may be closed when another one needs the place. */

import assert from "node:assert/strict";
import type { Link } from "../../../link/link.ts";
import { backlogOf } from "../../../worker/controllers/flow_control.ts";
import { ConnectionWatch } from "../../../worker/controllers/connection_watch.ts";
import { test } from "../../lib/test.ts";

const NONE = { count: 0, bytes: 0 };
const ONE = { count: 1, bytes: 8 };

/** The watch of a connection with these jobs, to which this many bytes of a large output are still to be sent. */
function watchOf(jobs: typeof NONE, sourceBytes: number): ConnectionWatch {
  const link = {
    reception: { frames: 1, heldBytes: 0, allocatedBytes: 0, isListening: true },
    signsOfLife: 0,
    waitsSinceMs: undefined,
    pendingBytes: sourceBytes,
    compression: { sourceBytes },
    close: () => {},
    closeIfSilent: () => Promise.resolve(),
    isClosed: false,
    writer: { whole: () => {} } as unknown as Link["writer"],
  };
  const flow = { isPaused: false, squeeze: () => {} };
  return new ConnectionWatch(link, backlogOf(jobs, NONE, NONE, link), flow);
}

test("a connection is idle when its jobs have ended and their large outputs are sent", () => {
  assert.equal(watchOf(ONE, 0).isIdle, false);
  assert.equal(watchOf(NONE, 2 ** 31).isIdle, false);
  assert.equal(watchOf(NONE, 0).isIdle, true);
});

test("an idle connection makes way for another one when it has been silent for half a second, in several looks", () => {
  const watch = watchOf(NONE, 0);
  const busy = watchOf(ONE, 0);
  const may: boolean[] = [];
  for (let nowMs = 0; nowMs <= 500; nowMs += 250) {
    may.push(watch.mayMakeWay);
    for (const one of [watch, busy]) one.check(nowMs, Infinity);
  }
  assert.deepEqual(may, [false, false, false]);
  assert.equal(watch.mayMakeWay, true);
  assert.equal(busy.mayMakeWay, false);
});
