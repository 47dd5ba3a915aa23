/** Cores that are checked in processes of their own: the processes end, and those that cannot be killed are bounded. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CoreKey } from "../../../pool/types.ts";
import { detectRuntime } from "../../../runtime/detect.ts";
import { thisSystem } from "../../../runtime/proc_files.ts";
import { silentLog } from "../../../system/log.ts";
import { StoredCore } from "../../../worker/cores/stored_core.ts";
import { TrialProcesses } from "../../../worker/slots/trial_processes.ts";
import { Launcher } from "../../../worker/slots/processes/launcher.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";
import { FakeSlots, type FakeSlotsOptions } from "../fake_slots.ts";

const LOAD_LIMIT_MS = 60_000;

/** How many killed processes may not have exited yet. */
const KILLED_MAX = 3;

test("a process in which a core was checked ends, whether the core loads or not", async () => {
  await using trials = await Trials.make();
  assert.equal(await trials.load("any"), undefined);
  assert.equal(await trials.load("refuses"), "worker_init returned 7");
  await trials.clock.advance(0);
  assert.equal(trials.fakes.started.length, 2);
  assert.deepEqual(trials.fakes.running, []);
  assert.equal(trials.clock.timers, 0);
});

test("while three killed processes have not exited no other core is checked, until one exits", async () => {
  await using trials = await Trials.make({ isUnkillable: true });
  await trials.abandonMany(KILLED_MAX);
  const next = trials.load("any");
  await trials.clock.advance(LOAD_LIMIT_MS - 1);
  assert.equal(trials.fakes.started.length, KILLED_MAX);
  trials.fakes.started[0]?.vanish();
  await trials.clock.advance(0);
  assert.equal(trials.fakes.started.length, KILLED_MAX + 1);
  assert.equal(await next, undefined);
});

test("a check that waits for killed processes as long as a core may take to load fails, and names them", async () => {
  await using trials = await Trials.make({ isUnkillable: true });
  await trials.abandonMany(KILLED_MAX);
  const next = trials.load("any");
  await trials.clock.advance(LOAD_LIMIT_MS);
  assert.equal(await next, "processes 1000, 1001, 1002 have not exited");
});

test("a check that waits for killed processes ends at once when it is abandoned or the worker closes", async () => {
  await using trials = await Trials.make({ isUnkillable: true });
  await trials.abandonMany(KILLED_MAX);
  const abandon = new AbortController();
  const abandoned = trials.load("any", abandon.signal);
  abandon.abort(new Error("nobody waits for it"));
  assert.equal(await abandoned, "nobody waits for it");
  const closed = trials.load("any");
  trials.closing.abort(new Error("the worker is closing"));
  assert.equal(await closed, "the worker is closing");
  assert.equal(trials.fakes.started.length, KILLED_MAX);
});

/** The trials of a worker, whose processes are fakes. */
class Trials implements AsyncDisposable {
  readonly closing = new AbortController();
  readonly #trials: TrialProcesses;

  private constructor(
    readonly clock: VirtualClock,
    readonly fakes: FakeSlots,
    readonly launcher: Launcher,
    readonly folder: string,
  ) {
    const { signal: closing } = this.closing;
    this.#trials = new TrialProcesses({
      launcher,
      clock,
      coreLoadLimitMs: LOAD_LIMIT_MS,
      closing,
      system: thisSystem,
    });
  }

  static async make(options: FakeSlotsOptions = {}): Promise<Trials> {
    const clock = new VirtualClock();
    const fakes = new FakeSlots({ ...options, clock });
    const folder = await mkdtemp(join(tmpdir(), "dc-"));
    const runtime = { ...fakes.replaceIn(await detectRuntime()), clock };
    const launcher = new Launcher(runtime, { socketPath: join(folder, "slots"), log: silentLog });
    return new Trials(clock, fakes, launcher, folder);
  }

  /** Checks a core, and gives the reason if it does not load. */
  async load(name: string, abandoned = new AbortController().signal): Promise<string | undefined> {
    const core = new StoredCore(name as CoreKey, name, 0);
    core.path = this.folder; // any that exists
    return await this.#trials.load(core, abandoned).then(() => undefined, ({ message }) => message);
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
