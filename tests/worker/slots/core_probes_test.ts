/** Cores that are checked in processes of their own: the processes end, and those that cannot be killed are bounded. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CoreKey } from "../../../pool/types.ts";
import { detectRuntime } from "../../../runtime/detect.ts";
import { silentLog } from "../../../system/log.ts";
import { StoredCore } from "../../../worker/cores/core_store.ts";
import { CoreProbes } from "../../../worker/slots/core_probes.ts";
import { Launcher } from "../../../worker/slots/processes/launcher.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";
import { FakeSlots, type FakeSlotsOptions } from "../fake_slots.ts";

const LOAD_LIMIT_MS = 60_000;

/** How many killed processes may not have exited yet. */
const KILLED_MAX = 3;

test("a process in which a core was checked ends, whether the core loads or not", async () => {
  await using probes = await Probes.make();
  assert.equal(await probes.load("any"), undefined);
  assert.equal(await probes.load("refuses"), "worker_init returned 7");
  await probes.clock.advance(0);
  assert.equal(probes.fakes.started.length, 2);
  assert.deepEqual(probes.fakes.running, []);
  assert.equal(probes.clock.timers, 0);
});

test("while three killed processes have not exited no other core is checked, until one exits", async () => {
  await using probes = await Probes.make({ isUnkillable: true });
  await probes.abandonMany(KILLED_MAX);
  const next = probes.load("any");
  await probes.clock.advance(LOAD_LIMIT_MS - 1);
  assert.equal(probes.fakes.started.length, KILLED_MAX);
  probes.fakes.started[0]?.vanish();
  await probes.clock.advance(0);
  assert.equal(probes.fakes.started.length, KILLED_MAX + 1);
  assert.equal(await next, undefined);
});

test("a check that waits for killed processes as long as a core may take to load fails, and names them", async () => {
  await using probes = await Probes.make({ isUnkillable: true });
  await probes.abandonMany(KILLED_MAX);
  const next = probes.load("any");
  await probes.clock.advance(LOAD_LIMIT_MS);
  assert.equal(await next, "processes 1000, 1001, 1002 have not exited");
});

test("a check that waits for killed processes ends at once when it is abandoned or the worker closes", async () => {
  await using probes = await Probes.make({ isUnkillable: true });
  await probes.abandonMany(KILLED_MAX);
  const abandon = new AbortController();
  const abandoned = probes.load("any", abandon.signal);
  abandon.abort(new Error("nobody waits for it"));
  assert.equal(await abandoned, "nobody waits for it");
  const closed = probes.load("any");
  probes.closing.abort(new Error("the worker is closing"));
  assert.equal(await closed, "the worker is closing");
  assert.equal(probes.fakes.started.length, KILLED_MAX);
});

/** The probes of a worker, whose processes are fakes. */
class Probes implements AsyncDisposable {
  readonly closing = new AbortController();
  readonly #probes: CoreProbes;

  private constructor(
    readonly clock: VirtualClock,
    readonly fakes: FakeSlots,
    readonly launcher: Launcher,
    readonly folder: string,
  ) {
    const { signal: closing } = this.closing;
    this.#probes = new CoreProbes({ launcher, clock, coreLoadLimitMs: LOAD_LIMIT_MS, closing });
  }

  static async make(options: FakeSlotsOptions = {}): Promise<Probes> {
    const clock = new VirtualClock();
    const fakes = new FakeSlots({ ...options, clock });
    const folder = await mkdtemp(join(tmpdir(), "dc-"));
    const runtime = { ...fakes.replaceIn(await detectRuntime()), clock };
    const launcher = new Launcher(runtime, { socketPath: join(folder, "slots"), log: silentLog });
    return new Probes(clock, fakes, launcher, folder);
  }

  /** Checks a core, and gives the reason if it does not load. */
  async load(name: string, abandoned = new AbortController().signal): Promise<string | undefined> {
    const core = new StoredCore(name as CoreKey, name, 0);
    core.path = this.folder; // any that exists
    return await this.#probes.load(core, abandoned).then(() => undefined, ({ message }) => message);
  }

  /** Checks cores that hang, and abandons the checks. */
  async abandonMany(count: number): Promise<void> {
    for (let number = 1; number <= count; number++) {
      const abandon = new AbortController();
      const load = this.load("hangs", abandon.signal);
      await this.clock.until("it loads", () => this.fakes.started[number - 1]?.core === "hangs");
      abandon.abort(new Error("nobody waits for it"));
      assert.equal(await load, "its compute core is no longer needed");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.launcher.kill();
    for (const fake of this.fakes.running) fake.vanish();
    await this.clock.advance(60_000);
    await rm(this.folder, { recursive: true, force: true });
  }
}
