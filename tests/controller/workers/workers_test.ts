/** The workers of a run, on connections that open late or never. */

import assert from "node:assert/strict";
import { Workers } from "../../../controller/workers/workers.ts";
import { RUN_WAIT_POLICY } from "../../../controller/workers/wait_policy.ts";
import type { Address, ByteStream } from "../../../runtime/ports.ts";
import { silentLog } from "../../../system/log.ts";
import { systemOf } from "../../lib/made_up_system.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { test } from "../../lib/test.ts";

const ADDRESS: Address = { kind: "tcp", host: "worker", port: 1 };

test("a worker has ten seconds to accept a connection", () => {
  const { workers, limitsMs } = dialing();
  workers.dial(ADDRESS);
  assert.deepEqual(limitsMs, [10_000]);
  workers.close();
});

test("a connection that opens, or fails, after the workers are closed leaves nothing behind", async () => {
  for (const opens of [true, false]) {
    const { workers, dialed, events, network } = dialing();
    workers.dial(ADDRESS);
    workers.close();
    let isClosed = false;
    if (opens) dialed.resolve({ close: () => void (isClosed = true) } as ByteStream);
    else dialed.reject(new Error("connection refused"));
    await network.clock.advance(60_000);
    assert.equal(isClosed, opens);
    assert.deepEqual([events, network.clock.timers], [[], 0]);
  }
});

test("a connection that opens after its address was removed is closed, and the address not dialed again", async () => {
  const { workers, dialed, limitsMs, network } = dialing();
  workers.dial(ADDRESS);
  workers.stopDialing(ADDRESS);
  let isClosed = false;
  dialed.resolve({ close: () => void (isClosed = true) } as ByteStream);
  await network.clock.advance(60_000);
  assert(isClosed);
  assert.equal(limitsMs.length, 1);
  workers.close();
});

test("workers beyond the limit of open files are not dialed until others are removed", () => {
  const limits = "Max open files  16  16  files\n";
  const { workers, limitsMs } = dialing(systemOf({ "/proc/self/limits": limits }));
  const addresses = Array.from({ length: 9 }, (_, port) => ({ ...ADDRESS, port }));
  for (const address of addresses) workers.dial(address);
  assert.equal(limitsMs.length, 8);
  workers.stopDialing({ ...ADDRESS, port: 0 });
  for (const address of addresses.slice(1)) workers.dial(address);
  assert.equal(limitsMs.length, 9);
  workers.close();
});

/** Workers whose connections open when the test says so. */
function dialing(system = systemOf({})) {
  const network = new MemoryNetwork();
  const dialed = Promise.withResolvers<ByteStream>();
  const limitsMs: number[] = [];
  const events: string[] = [];
  const runtime = {
    ...network.runtime,
    system,
    dial: (_address: Address, limitMs: number) => {
      limitsMs.push(limitMs);
      return dialed.promise;
    },
  };
  const note = (what: string) => () => void events.push(what);
  const workers = new Workers(runtime, silentLog, { ...RUN_WAIT_POLICY, workersMin: 1 }, {
    onReady: note("ready"),
    onCoreLoaded: note("loaded"),
    onDraining: note("draining"),
    onDiscarded: () => assert.fail(),
    onGone: note("gone"),
    onNoneLeft: note("none left"),
  });
  return { workers, dialed, limitsMs, events, network };
}
