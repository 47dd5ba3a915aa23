/** One slot and its processes, which are fakes: how they start, are lost, load cores and cannot be killed. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CoreKey, EndpointId } from "../../../pool/types.ts";
import { detectRuntime } from "../../../runtime/detect.ts";
import { silentLog } from "../../../system/log.ts";
import { StoredCore } from "../../../worker/cores/stored_core.ts";
import { Launcher } from "../../../worker/slots/processes/launcher.ts";
import { LoadError } from "../../../worker/cores/load_error.ts";
import type { EndCause } from "../../../worker/slots/processes/process_end.ts";
import { Slots } from "../../../worker/slots/slots.ts";
import { eventually } from "../../lib/processes.ts";
import { test, testUnless } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";
import { type FakeSlot, FakeSlots, type FakeSlotsOptions } from "../fake_slots.ts";

/** How long a killed process may take to exit. */
const GONE_LIMIT_MS = 10_000;

/** How long a process may take to connect, and to unload its core. */
const START_LIMIT_MS = 30_000;
const END_LIMIT_MS = 5_000;

const LOAD_LIMIT_MS = 60_000;

test("a process that dies is lost once, and replaced", async () => {
  await using worker = await OneSlot.start();
  (await worker.up(1)).crash("SIGSEGV");
  await worker.up(2);
  assert.deepEqual(worker.lost, [{ endpoint: 1, reason: "crashed: SIGSEGV", cause: "self" }]);
  assert.equal(worker.slots.at(1 as EndpointId), undefined);
  assert.deepEqual(worker.warnings, ["slot 1 (pid 1000): crashed: SIGSEGV"]);
});

test("a process that is killed from outside is reported as killed", async () => {
  await using worker = await OneSlot.start();
  (await worker.up(1)).crash("SIGKILL");
  await worker.up(2);
  const [{ reason, cause } = assert.fail("none was lost")] = worker.lost;
  assert.match(reason, /^was killed by SIGKILL/);
  assert.equal(cause, "killed");
});

test("a process that closes its connection is killed after a while, and is to blame", async () => {
  await using worker = await OneSlot.start();
  const slot = await worker.up(1);
  await worker.load("any");
  worker.slots.at(worker.endpoint)?.process?.sendJob(1, { payload: jobOf("hang-up") });
  await worker.clock.advance(END_LIMIT_MS - 1);
  assert(!slot.isKilled);
  await worker.up(2);
  const reason = "closed its connection to the worker";
  assert.deepEqual(worker.lost, [{ endpoint: 1, reason, cause: "self" }]);
});

test("a process that never connects is killed, and the next one is started after a pause", async () => {
  await using worker = await OneSlot.start({ isMute: true });
  await worker.clock.advance(START_LIMIT_MS);
  assert(worker.started[0]?.isKilled);
  assert.deepEqual(worker.warnings, [
    "slot 1: A slot process did not start: no connection within 30s",
  ]);
  assert.equal(worker.started.length, 1);
  await worker.clock.advance(100);
  assert.equal(worker.started.length, 2);
  await worker.clock.advance(START_LIMIT_MS + 100);
  assert.equal(worker.started.length, 2, "the pause doubles");
  await worker.clock.advance(100);
  assert.equal(worker.started.length, 3);
});

test("a slot whose process could not be started is unable to run jobs until the next one is up", async () => {
  await using worker = await OneSlot.start();
  await worker.up(1);
  worker.cannotStart = true;
  worker.started[0]?.crash("SIGSEGV");
  await worker.clock.until("it is lost", () => worker.lost.length === 1);
  await worker.clock.advance(30_000);
  assert(worker.slots.areUnable);
  assert.equal(worker.warnings.length, 2, "the same problem is said once");
  assert.equal(worker.warnings[1], "slot 1: no more processes");
  worker.cannotStart = false;
  await worker.up(2);
  assert(!worker.slots.areUnable);
});

test("pauses before another start double from a tenth of a second to ten seconds", async () => {
  await using worker = await OneSlot.start({ isMute: true });
  const startedAtMs: number[] = [];
  for (let number = 1; number <= 10; number++) {
    await worker.clock.until("a process starts", () => worker.started.length >= number);
    startedAtMs.push(worker.clock.now());
  }
  const pauses = startedAtMs.slice(1).map((atMs, index) => {
    return atMs - (startedAtMs[index] as number) - START_LIMIT_MS;
  });
  assert.deepEqual(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
});

test("a process loads one core, and is replaced for the next", async () => {
  await using worker = await OneSlot.start();
  const first = await worker.up(1);
  await worker.load("one");
  assert.equal(first.core, "one");
  await worker.load("two");
  assert(first.isGone && !first.isKilled, "it has unloaded its core properly");
  assert.equal(worker.started[1]?.core, "two");
  assert.deepEqual(worker.lost, [], "it is the same endpoint");
});

test("a core that refuses to load leaves the slot usable", async () => {
  await using worker = await OneSlot.start();
  await worker.up(1);
  assert.deepEqual(await worker.loadProblem("refuses"), ["core", "worker_init returned 7"]);
  await worker.load("another");
  assert.deepEqual(worker.lost, []);
  assert.equal(worker.started.length, 2);
});

test("a core whose files were changed is not loaded, costs no endpoint, and blames no process", async () => {
  await using worker = await OneSlot.start();
  await worker.up(1);
  const damaged = () => Promise.reject(new LoadError("its files were changed", "damaged"));
  assert.deepEqual(await worker.loadProblem("core", damaged), [
    "damaged",
    "its files were changed",
  ]);
  assert.equal(worker.started[0]?.core, "", "the process has not heard of it");
  assert.deepEqual(worker.lost, []);
  await worker.load("core");
  assert.equal(worker.started.at(-1)?.core, "core");
});

test("the time that checking the files of a core takes does not count as that of worker_init", async () => {
  await using worker = await OneSlot.start();
  await worker.up(1);
  const { promise: checked, resolve } = Promise.withResolvers<void>();
  const loaded = worker.load("core", () => checked);
  await worker.clock.advance(3_600_000);
  resolve();
  await loaded;
  assert.equal(worker.started[0]?.core, "core");
});

test("a process that is lost while the files of a core are checked fails the load, and is not told to load", async () => {
  await using worker = await OneSlot.start();
  const slot = await worker.up(1);
  const { promise: checked, resolve } = Promise.withResolvers<void>();
  const problem = worker.loadProblem("core", () => checked);
  await worker.clock.advance(1);
  slot.crash("SIGSEGV");
  assert.equal((await problem)[0], "core");
  resolve();
  await worker.up(2);
  assert.equal(slot.core, "");
  assert.equal(worker.lost.length, 1);
});

test("a core that never comes back from worker_init is given up after a while", async () => {
  await using worker = await OneSlot.start();
  const slot = await worker.up(1);
  const problem = worker.loadProblem("hangs");
  await worker.clock.advance(LOAD_LIMIT_MS - 1);
  assert(!slot.isKilled);
  await worker.clock.advance(1);
  assert.deepEqual(await problem, ["core", "loading it and worker_init took longer than 60s"]);
  await worker.up(2);
  await worker.load("another");
});

test("whether a process dies by itself or is killed while it loads, onLost is called before the load fails", async () => {
  for (const [core, kind] of [["crashes", "core"], ["killed", "killed"]] as const) {
    await using worker = await OneSlot.start();
    await worker.up(1);
    const problem = worker.loadProblem(core).then(([kind]) => [kind, worker.lost.length]);
    assert.deepEqual(await problem, [kind, 1]);
    await worker.up(2);
  }
});

test("a load that is abandoned costs the slot its process, and the core is not blamed", async () => {
  await using worker = await OneSlot.start();
  const slot = await worker.up(1);
  const problem = worker.loadProblem("hangs");
  worker.slots.at(worker.endpoint)?.abandonLoad();
  const [kind] = await problem;
  assert.equal(kind, "abandoned");
  assert(slot.isKilled);
  await worker.up(2);
  assert(!worker.warnings.some((line) => line.includes("cannot load")));
});

test("a slot that is retired unloads its core and is up again without one", async () => {
  await using worker = await OneSlot.start();
  const first = await worker.up(1);
  await worker.load("any");
  worker.slots.at(worker.endpoint)?.retire();
  assert.equal(worker.lost.length, 1, "it is lost at once: nothing is sent there any more");
  await worker.up(2);
  assert(first.isGone && !first.isKilled);
});

test("a core that does not unload is killed after a while", async () => {
  await using worker = await OneSlot.start();
  const first = await worker.up(1);
  await worker.load("stays");
  worker.slots.at(worker.endpoint)?.retire();
  await worker.clock.advance(END_LIMIT_MS - 1);
  assert(!first.isKilled);
  assert.deepEqual(worker.warnings, []);
  await worker.clock.advance(1);
  assert(first.isKilled && first.isGone);
  assert.deepEqual(worker.warnings, [
    'a slot process with core "stays" was ended: it took more than 5s to end',
  ]);
});

test("a core that crashes at its end is reported, and one whose process is killed from outside is not", async () => {
  for (const signal of ["SIGSEGV", "SIGKILL", "SIGTERM"]) {
    await using worker = await OneSlot.start();
    const first = await worker.up(1);
    await worker.load("stays");
    worker.slots.at(worker.endpoint)?.retire();
    await worker.clock.advance(1);
    first.crash(signal);
    await worker.up(2);
    assert.deepEqual(worker.lost.map(({ reason }) => reason), ["its core is no longer needed"]);
    const said = 'a slot process with core "stays" crashed: SIGSEGV, when it ended';
    assert.deepEqual(worker.warnings, signal === "SIGSEGV" ? [said] : []);
  }
});

test("a slot whose killed process does not exit is lost once, for the reason of the kill, and gets another process", async () => {
  await using worker = await OneSlot.start({ isUnkillable: true });
  const [first] = await worker.killInVain(1, "timed out after 1s");
  assert.equal(worker.lost.length, 1);
  const { reason, cause } = worker.lost[0] as Lost;
  assert.match(reason, /^timed out after 1s; ./);
  assert.equal(cause, "self");
  assert(first?.isClosed, "nothing more is expected of it");
  await worker.up(2);
});

test("a process that is given up and exits later is not lost again", async () => {
  await using worker = await OneSlot.start({ isUnkillable: true });
  const [first] = await worker.killInVain(1);
  await worker.up(2);
  first?.vanish();
  await worker.clock.advance(GONE_LIMIT_MS);
  assert.equal(worker.lost.length, 1);
  assert.equal(worker.started.length, 2);
});

test("a process that is killed without a reason and does not exit blames no job", async () => {
  await using worker = await OneSlot.start({ isUnkillable: true });
  await worker.killInVain(1);
  const { reason, cause } = worker.lost[0] as Lost;
  assert.match(reason, /^was killed; ./);
  assert.equal(cause, "killed");
});

test("a slot with three processes that do not exit waits for one of them, and logs that", async () => {
  await using worker = await OneSlot.start({ isUnkillable: true });
  const [, second] = await worker.killInVain(3);
  const waits = worker.warnings.filter((line) => line.includes("waiting"));
  assert.deepEqual(waits, ["slot 1 is waiting for one of its processes 1000, 1001, 1002 to exit"]);
  assert.equal(worker.started.length, 3);
  assert(worker.slots.areUnable);
  second?.vanish();
  await worker.up(4);
  assert(!worker.slots.areUnable);
});

test("a slot that is starting its third process is not blocked", async () => {
  await using worker = await OneSlot.start({ isUnkillable: true });
  await worker.killInVain(2);
  await worker.up(3);
  worker.slots.at(worker.endpoint)?.process?.kill();
  assert(!worker.slots.areUnable);
});

test("a core is not loaded in a slot that may not start another process", async () => {
  await using worker = await OneSlot.start({ isUnkillable: true });
  const [first] = await worker.killInVain(2);
  await worker.up(3);
  await worker.load("stays");
  const problem = worker.loadProblem("another");
  await worker.clock.advance(END_LIMIT_MS + GONE_LIMIT_MS);
  assert.deepEqual(await problem, ["core", "its processes 1000, 1001, 1002 have not exited"]);
  first?.vanish();
  await worker.up(4);
  await worker.load("another");
});

test("a core is loaded once the process before it has made way", async () => {
  await using worker = await OneSlot.start({ isUnkillable: true });
  await worker.killInVain(2);
  await worker.up(3);
  await worker.load("one");
  await worker.load("two");
  assert.equal(worker.started[3]?.core, "two");
  assert.equal(worker.lost.length, 2);
});

test("a slot whose load is abandoned is lost at once, even if its process cannot be killed", async () => {
  await using worker = await OneSlot.start({ isUnkillable: true });
  await worker.up(1);
  const problem = worker.loadProblem("hangs");
  worker.slots.at(worker.endpoint)?.abandonLoad();
  assert.equal((await problem)[0], "abandoned");
  assert.equal(worker.lost.length, 1);
  assert.equal(worker.clock.now(), 0);
  await worker.up(2);
  await worker.clock.advance(GONE_LIMIT_MS);
  assert.equal(worker.lost.length, 1, "the process that is given up is not the slot's any more");
});

test("closing does not wait for processes that were given up", async () => {
  const worker = await OneSlot.start({ isUnkillable: true });
  await worker.killInVain(3);
  await worker.close();
  assert.equal(worker.started.length, 3);
  assert(!worker.warnings.some((line) => line.includes("did not exit")), "that was logged before");
});

test("closing kills a process that has not connected", async () => {
  for (const isUnkillable of [false, true]) {
    const worker = await OneSlot.start({ isMute: true, isUnkillable });
    await worker.close();
    assert(worker.started[0]?.isKilled);
    if (!isUnkillable) assert.equal(worker.clock.now(), 0, "it has no core to unload");
  }
});

test("a process that connects while the worker closes is ended before the worker is closed", async () => {
  const worker = await OneSlot.start();
  const closed = worker.close();
  await closed;
  assert(worker.started[0]?.isGone);
  assert.equal(worker.endpoint, 0, "it was never up");
});

test("a process that has just connected when the worker closes is not used", async () => {
  let reads = 0;
  let closed: Promise<void> | undefined;
  const onRead = (fake: FakeSlot) => {
    if (fake.pid === 1001) reads += 1;
    if (reads === 2) closed ??= worker.close(); // the first read is that of the launcher
  };
  const worker = await OneSlot.start({ onRead });
  (await worker.up(1)).crash("SIGSEGV");
  await worker.clock.until("the next one has connected", () => closed);
  await closed;
  assert.equal(worker.endpoint, 1, "the next one was never up");
});

test("closing reports a process that does not exit, once", async () => {
  const worker = await OneSlot.start({ isUnkillable: true });
  await worker.up(1);
  worker.slots.at(worker.endpoint)?.process?.kill();
  await worker.close();
  assert.equal(worker.warnings.length, 1);
  assert.match(worker.warnings[0] as string, /^slot process 1000 did not exit: ./);
  assert.deepEqual(worker.lost, []);
});

testUnless(
  existsSync("/proc/self/fd") ? undefined : "this system does not list open files",
  "the file of a slot's shared memory is closed when its process has ended",
  async () => {
    await using worker = await OneSlot.start();
    const slot = await worker.up(1);
    assert.equal(worker.openFiles, 2, "the slot's and the worker's");
    slot.crash("SIGSEGV");
    await worker.up(2);
    assert.equal(worker.openFiles, 2, "those of the next slot");
  },
);

test("the file of a slot's shared memory is removed once the slot is connected or gone", async () => {
  await using worker = await OneSlot.start();
  await worker.up(1);
  await worker.hasNoFiles();
});

interface Lost {
  readonly endpoint: EndpointId;
  readonly reason: string;
  readonly cause: EndCause;
}

/** The payload of a job message. */
function jobOf(input: string): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(16 + input.length);
  payload.set(new TextEncoder().encode(input), 16);
  return payload;
}

/** One slot, and the events for its owner. */
class OneSlot implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly warnings: string[] = [];
  readonly lost: Lost[] = [];
  readonly slots: Slots;
  readonly #launcher: Launcher;
  readonly #fakes: FakeSlots;
  readonly #folder: string;
  readonly #closing = new AbortController();
  #ups = 0;

  private constructor(
    clock: VirtualClock,
    launcher: (log: { warn(text: string): void }) => Launcher,
    fakes: FakeSlots,
    folder: string,
  ) {
    const log = { ...silentLog, warn: (text: string) => void this.warnings.push(text) };
    this.clock = clock;
    this.#launcher = launcher(log);
    this.#fakes = fakes;
    this.#folder = folder;
    this.slots = new Slots(1, {
      launcher: this.#launcher,
      clock,
      log,
      events: {
        onUp: () => ++this.#ups as EndpointId,
        onAnswer: () => {},
        onLost: (endpoint, reason, cause) => this.lost.push({ endpoint, reason, cause }),
      },
      coreLoadLimitMs: LOAD_LIMIT_MS,
      closing: this.#closing.signal,
    });
    this.slots.start();
  }

  static async start(options: FakeSlotsOptions = {}): Promise<OneSlot> {
    const clock = new VirtualClock();
    const fakes = new FakeSlots({ ...options, clock });
    const folder = await mkdtemp(join(tmpdir(), "dc-"));
    const runtime = { ...fakes.replaceIn(await detectRuntime()), clock };
    const socketPath = join(folder, "slots");
    const launcher = (log: { warn(text: string): void }) =>
      new Launcher(runtime, { socketPath, log: { ...silentLog, ...log } });
    return new OneSlot(clock, launcher, fakes, folder);
  }

  set cannotStart(cannotStart: boolean) {
    this.#fakes.cannotStart = cannotStart;
  }

  get started(): readonly FakeSlot[] {
    return this.#fakes.started;
  }

  /** The endpoint that the slot is, or was last. */
  get endpoint(): EndpointId {
    return this.#ups as EndpointId;
  }

  /** Waits until the process with this number, from 1, is up. */
  async up(number: number): Promise<FakeSlot> {
    await this.clock.until(`process ${number} is up`, () => this.#ups >= number);
    return this.started[number - 1] as FakeSlot;
  }

  /** `checkFiles`: how the check of its files ends. */
  async load(core: string, checkFiles?: () => Promise<void>): Promise<void> {
    const slot = this.slots.at(this.endpoint);
    assert(slot, "it is up");
    const stored = new StoredCore(core as CoreKey, core, 0);
    stored.path = this.#folder; // any that exists
    if (checkFiles) stored.checkFiles = checkFiles;
    await slot.load(stored);
  }

  /** Why a core cannot be loaded. */
  async loadProblem(core: string, checkFiles?: () => Promise<void>): Promise<[string, string]> {
    try {
      await this.load(core, checkFiles);
    } catch (error) {
      assert(error instanceof LoadError);
      return [error.kind, error.message];
    }
    assert.fail(`${core} is loaded`);
  }

  /** Kills processes in vain, one after the other, until each is lost. */
  async killInVain(count: number, reason?: string): Promise<readonly FakeSlot[]> {
    for (let time = 1; time <= count; time++) {
      await this.up(time);
      this.slots.at(this.endpoint)?.process?.kill(reason);
      await this.clock.until("it is lost", () => this.lost.length === time);
    }
    return this.started;
  }

  /** Files in its folder that this process has open, removed ones included. */
  get openFiles(): number {
    return readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(join("/proc/self/fd", fd)).startsWith(this.#folder);
      } catch {
        return false; // it is the descriptor of the list itself
      }
    }).length;
  }

  async hasNoFiles(): Promise<void> {
    await eventually(
      "no file is left",
      async () => !(await readdir(this.#folder)).some((name) => name.startsWith("slots")),
    );
  }

  async close(): Promise<void> {
    let isClosed = false;
    this.#closing.abort(new Error("The worker is shutting down"));
    void this.#launcher.close().then(() => isClosed = true);
    await this.clock.until("it is closed", () => isClosed);
    if (this.#fakes.running.length === 0) assert.equal(this.clock.timers, 0, "timers are left");
    await rm(this.#folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
