/** What a worker makes of slots that are killed in vain. What the system makes of them: `undying_test.ts`. */

import assert from "node:assert/strict";
import type { EndpointId } from "../../pool/types.ts";
import { silentLog } from "../../system/log.ts";
import { Launcher } from "../../worker/slots/launcher.ts";
import { Slots } from "../../worker/slots/slots.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { type FakeSlot, FakeSlots } from "./fake_slots.ts";

test("a slot that is killed in vain is lost once, for its reason, and has another process", async () => {
  await using worker = await startOne();
  const [first] = await worker.loseAll(1, "was too slow");
  const reason = "was too slow; the system has not let its process end for 0.001 s";
  assert.deepEqual(worker.lost, [{ endpoint: 1, reason, wasKilled: false }]);
  assert(first?.isClosed, "nothing more is expected of it");
  assert.equal(await worker.isUp(), 2);
});

test("a process that is given up and ends later is no loss, and has no successor", async () => {
  await using worker = await startOne();
  const [first] = await worker.loseAll(1);
  await worker.isUp();
  first?.vanish();
  await worker.loseAll(1); // by then what came of it has come
  await worker.isUp();
  assert.equal(worker.lost.length, 2);
  assert.equal(worker.started.length, 3);
});

test("who has killed a process for no reason blames nobody when it stays", async () => {
  await using worker = await startOne();
  await worker.loseAll(1);
  const reason = "was killed; the system has not let its process end for 0.001 s";
  assert.deepEqual(worker.lost, [{ endpoint: 1, reason, wasKilled: true }]);
});

test("a slot with three processes that stay waits for one of them to end, and says so", async () => {
  await using worker = await startOne();
  const [, second] = await worker.loseAll(3);
  const waits = worker.said.filter((line) => line.includes("waits"));
  assert.deepEqual(waits, ["slot 1 waits until one of its processes 1000, 1001, 1002 has ended"]);
  assert.equal(worker.started.length, 3);
  assert(worker.slots.areStuck);
  second?.vanish();
  assert.equal(await worker.isUp(), 4);
  assert(!worker.slots.areStuck);
});

test("slots that wait for such a process, and those processes, keep no worker from ending", async () => {
  const worker = await startOne();
  await worker.loseAll(3);
  await worker.close();
  assert.equal(worker.started.length, 3);
});

test("a process that stays without ever having said hello keeps no worker from ending", async () => {
  const worker = await startOne({ isMute: true });
  await worker.close();
  assert(worker.started[0]?.isKilled);
});

test("a process that is unloaded, and stays when it is killed for that, is named once", async () => {
  const worker = await startOne();
  const endpoint = await worker.isUp();
  worker.slots.kill(endpoint);
  await worker.close();
  const problem = "the system has not let its process end for 0.001 s";
  assert.deepEqual(worker.said, [`a slot's process (pid 1000) was to end; ${problem}`]);
  assert.deepEqual(worker.lost, []);
});

/** One slot, and what its owner hears. */
class OneSlot implements AsyncDisposable {
  readonly said: string[] = [];
  readonly lost: { endpoint: EndpointId; reason: string; wasKilled: boolean }[] = [];
  readonly slots: Slots;
  readonly #host: Launcher;
  readonly #fakes: FakeSlots;
  #ups = 0;

  constructor(host: Launcher, fakes: FakeSlots) {
    this.#host = host;
    this.#fakes = fakes;
    this.slots = new Slots(host, {
      onUp: () => ++this.#ups as EndpointId,
      onLoaded: () => {},
      onLoadFailed: () => {},
      onAnswer: () => {},
      onLost: (endpoint, reason, wasKilled) => this.lost.push({ endpoint, reason, wasKilled }),
    }, {
      count: 1,
      coreLoadLimitMs: 1000,
      log: { ...silentLog, warn: (text) => this.said.push(text) },
    });
    this.slots.start();
  }

  get started(): readonly FakeSlot[] {
    return this.#fakes.started;
  }

  /** Waits until the process that was started last is up, and gives its endpoint. */
  isUp(): Promise<EndpointId> {
    return eventually("a process is up", () => {
      return this.#ups > this.lost.length && this.#ups as EndpointId;
    });
  }

  /** Kills processes in vain, one after the other, until each is lost. */
  async loseAll(count: number, reason?: string): Promise<readonly FakeSlot[]> {
    for (let time = 0; time < count; time++) {
      const endpoint = await this.isUp();
      this.slots.kill(endpoint, reason);
      await eventually("it is lost", () => this.lost.length === endpoint);
    }
    return this.started;
  }

  async close(): Promise<void> {
    await this.slots.close();
    await this.#host.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** One slot whose killed process has a millisecond to be gone, and never is. */
async function startOne(options: { isMute?: boolean } = {}): Promise<OneSlot> {
  const fakes = new FakeSlots(options);
  return new OneSlot(await Launcher.open(fakes.runtime, { goneLimitMs: 1 }), fakes);
}
