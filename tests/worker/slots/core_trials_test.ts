/** Cores that are tried at the same time, while the slots are still starting. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClientId } from "../../../pool/types.ts";
import { NO_LIMITS } from "../../../protocol/mod.ts";
import { detectRuntime } from "../../../runtime/detect.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";
import { silentLog } from "../../../system/log.ts";
import { CoreStore } from "../../../worker/cores/core_store.ts";
import type { StoredCore } from "../../../worker/cores/stored_core.ts";
import { RECEIVED, type RelayedJob } from "../../../worker/job.ts";
import { Executor } from "../../../worker/slots/executor.ts";
import { Launcher } from "../../../worker/slots/processes/launcher.ts";
import { blob, concat, textOf, u64, utf8 } from "../../fixtures/peers/frames.ts";
import { thisSystem } from "../../../runtime/proc_files.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";
import { FakeSlots, type FakeSlotsOptions } from "../fake_slots.ts";
import { elapse } from "../own_worker.ts";

const NAMES = ["one", "two", "three"];

for (const slots of [1, 2, 3]) {
  test(`three cores that wait for the first of ${slots} slots to start each load, and run their own jobs`, async () => {
    await using worker = await Starting.make(slots);
    const cores = await Promise.all(NAMES.map((name) => worker.store(name)));
    const loads = cores.map((core) =>
      worker.executor.trials.load(core, new AbortController().signal)
    );
    worker.executor.start();
    await worker.all(loads);
    for (const [index, core] of cores.entries()) {
      assert.equal(await worker.nameFrom(core), NAMES[index], "it runs the core that it names");
    }
  });
}

test("between two jobs of a run, no other core is tried in its slot, and some seconds after the last one it is", async () => {
  await using worker = await Starting.make(1);
  const [own, other, last] = await Promise.all(NAMES.map((name) => worker.store(name)));
  assert(own && other && last);
  worker.executor.start();
  const never = new AbortController().signal;
  await worker.all([worker.executor.trials.load(own, never)]);
  assert.equal(await worker.nameFrom(own), "one");
  const slot = worker.fakes.running[0];
  await worker.all([worker.executor.trials.load(other, never)]);
  assert.equal(await worker.nameFrom(own), "one");
  await worker.clock.advance(0);
  assert.deepEqual(worker.fakes.running, [slot], "the other one had a process of its own");
  await worker.clock.advance(5_000);
  await worker.all([worker.executor.trials.load(last, never)]);
  await worker.clock.advance(0);
  assert.notDeepEqual(worker.fakes.running, [slot], "it has the slot");
});

test("a trial that has given way to a job goes on in a process of its own, even if that job has left meanwhile", async () => {
  const options = { isMute: false };
  await using worker = await Starting.make(1, options);
  const [own, other] = await Promise.all(NAMES.map((name) => worker.store(name)));
  assert(own && other);
  worker.executor.start();
  const never = new AbortController().signal;
  await worker.all([worker.executor.trials.load(own, never)]);
  await worker.clock.advance(5_000);
  options.isMute = true; // the process that replaces the one of the first core does not connect
  const load = worker.executor.trials.load(other, never);
  await worker.clock.until("it starts", () => worker.fakes.started.length === 2);
  options.isMute = false;
  const client = worker.executor.onClientUp();
  worker.submit(client, own, () => {});
  await worker.clock.advance(1_500);
  worker.executor.onClientGone(client);
  await worker.all([load]);
});

/** An executor of fake slots. */
class Starting {
  readonly executor: Executor;
  readonly #launcher: Launcher;
  readonly #store: CoreStore;

  private constructor(
    readonly clock: VirtualClock,
    readonly folder: string,
    readonly fakes: FakeSlots,
    launcher: Launcher,
    slots: number,
  ) {
    this.#launcher = launcher;
    this.#store = new CoreStore(systemFiles, folder);
    this.executor = new Executor({
      system: thisSystem,
      clock,
      log: silentLog,
      launcher,
      store: this.#store,
      slots,
      coreLoadLimitMs: 60_000,
      orphanLimitMs: 5_000,
    });
  }

  static async make(slots: number, options: FakeSlotsOptions = {}): Promise<Starting> {
    const clock = new VirtualClock();
    const folder = await mkdtemp(join(tmpdir(), "dc-"));
    const fakes = new FakeSlots(Object.assign(options, { clock }));
    const runtime = { ...fakes.replaceIn(await detectRuntime()), clock };
    const launcher = new Launcher(runtime, { socketPath: join(folder, "slots"), log: silentLog });
    return new Starting(clock, folder, fakes, launcher, slots);
  }

  store(name: string): Promise<StoredCore> {
    return this.#store.add(name, new Uint8Array(utf8(`the core ${name}`)));
  }

  /** Waits for all, in virtual time. The files of the cores are real. */
  async all(promises: readonly Promise<void>[]): Promise<void> {
    await elapse(this.clock, Promise.all(promises));
  }

  /** The output of a job that names the core that runs it. */
  async nameFrom(core: StoredCore): Promise<string> {
    const client = this.executor.onClientUp();
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    this.submit(client, core, resolve);
    const end = await elapse(this.clock, ended);
    this.executor.onClientGone(client);
    return end;
  }

  /** Submits a job that names the core that runs it. */
  submit(client: ClientId, core: StoredCore, onEnded: (end: string) => void): void {
    const job: RelayedJob = {
      source: {
        answer: (_, { payload }) => onEnded(textOf(payload.subarray(12))),
        fail: (_, kind, reason) => onEnded(`${kind}: ${reason}`),
        printing: { onPrinted: () => {}, onLost: () => {} },
      },
      id: 1,
      payload: new Uint8Array(concat(u64(1n), blob(utf8("core")))),
      limits: NO_LIMITS,
      state: RECEIVED,
    };
    this.executor.submit(client, core, job);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.executor.close();
    this.#launcher.kill();
    await this.clock.advance(60_000);
    await rm(this.folder, { recursive: true, force: true });
  }
}
