/** An executor whose store or slots lack what the pool asks for, or whose slots are lost. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CoreKey } from "../../../pool/types.ts";
import { NO_LIMITS } from "../../../protocol/mod.ts";
import { detectRuntime } from "../../../runtime/detect.ts";
import { silentLog } from "../../../system/log.ts";
import { CoreStore } from "../../../worker/cores/core_store.ts";
import { StoredCore } from "../../../worker/cores/stored_core.ts";
import { RECEIVED, type RelayedJob } from "../../../worker/job.ts";
import { Executor } from "../../../worker/slots/executor.ts";
import { Launcher } from "../../../worker/slots/processes/launcher.ts";
import { thisSystem } from "../../../runtime/proc_files.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";
import { FakeSlots } from "../fake_slots.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";

test("jobs of a core that the store has lost fail with that reason, and the slot is free for other cores", async () => {
  await inExecutor(async ({ clock, store, executor }) => {
    const client = executor.onClientUp();
    const ends: string[] = [];
    const submit = (id: number, core: StoredCore) => executor.submit(client, core, job(id, ends));
    submit(1, new StoredCore("lost" as CoreKey, "lost", 0));
    await clock.until("the job has failed", () => ends.length === 1);
    assert.deepEqual(ends, ["job 1: core: this worker no longer has it; send it again"]);
    const other = await store.add("behave", new TextEncoder().encode("a core"));
    submit(2, other);
    await clock.until("the other job is answered", () => ends.length === 2);
    assert.equal(ends[1], "job 2: answered");
    assert.equal(other.users, 1, "its slot and its job have given it back");
    assert.deepEqual(executor.occupancy, { slotsBusy: 0, jobsWaiting: 0 });
  });
});

test("a job that runs again has nothing of what it used in the slot that was lost", async () => {
  await inExecutor(async ({ clock, fakes, store, executor }) => {
    const ends: string[] = [];
    const again = job(1, ends, "sleep 100000");
    const core = await store.add("behave", new TextEncoder().encode("a core"));
    executor.submit(executor.onClientUp(), core, again);
    // Cores are checked on the real disk, so that the clock must not run ahead.
    const until = (what: string, holds: () => boolean) =>
      eventually(what, async () => {
        await clock.advance(1);
        return holds();
      });
    await until("it runs", () => fakes.jobsStarted === 1);
    again.peakBytes = 1e9; // as the watchdog notes it when it kills a slot
    fakes.running.find(({ inputs }) => inputs.length > 0)?.crash("SIGKILL");
    await until("it runs again", () => fakes.jobsStarted === 2);
    assert.deepEqual([again.peakBytes, again.usage], [undefined, undefined]);
    await clock.advance(100_000);
    await until("it is answered", () => ends.length > 0);
    assert.deepEqual(ends, ["job 1: answered"]);
  });
});

interface Scene {
  readonly clock: VirtualClock;
  readonly fakes: FakeSlots;
  readonly store: CoreStore;
  readonly executor: Executor;
}

/** Runs a test with an executor of one fake slot. */
async function inExecutor(act: (scene: Scene) => Promise<void>): Promise<void> {
  const clock = new VirtualClock();
  const fakes = new FakeSlots({ clock });
  const folder = await mkdtemp(join(tmpdir(), "dc-"));
  const runtime = { ...fakes.replaceIn(await detectRuntime()), clock };
  const launcher = new Launcher(runtime, { socketPath: join(folder, "slots"), log: silentLog });
  const store = new CoreStore(systemFiles, folder);
  const executor = new Executor({
    system: thisSystem,
    clock,
    log: silentLog,
    launcher,
    store,
    slots: 1,
    coreLoadLimitMs: 60_000,
    orphanLimitMs: 5_000,
  });
  const tick = clock.every(250, () => executor.onTick());
  try {
    executor.start();
    await act({ clock, fakes, store, executor });
  } finally {
    tick.stop();
    executor.close();
    launcher.kill();
    await clock.advance(60_000);
    await rm(folder, { recursive: true, force: true });
  }
  assert.equal(clock.timers, 0);
}

/** A job that notes how it ends. */
function job(id: number, ends: string[], input = ""): RelayedJob {
  return {
    source: {
      answer: () => void ends.push(`job ${id}: answered`),
      fail: (_, kind, reason) => void ends.push(`job ${id}: ${kind}: ${reason}`),
      printing: { onPrinted: () => {}, onLost: () => {} },
    },
    id,
    payload: new Uint8Array([...new Uint8Array(16), ...new TextEncoder().encode(input)]),
    limits: NO_LIMITS,
    state: RECEIVED,
  };
}
