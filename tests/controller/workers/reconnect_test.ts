/** When an address is dialed again, and until when a run waits for it. */

import assert from "node:assert/strict";
import type { WaitPolicy } from "../../../controller/workers/wait_policy.ts";
import { type AttemptEnd, ReconnectingAddress } from "../../../controller/workers/reconnect.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

/** The longest pauses that jitter allows. */
const random = { fraction: () => 1, hex: () => "" };

const REFUSED: AttemptEnd = {
  kind: "failed",
  reason: "connection refused",
  wasReady: false,
  wasUseful: false,
  hasLeft: false,
};
const LOST: AttemptEnd = {
  kind: "failed",
  reason: "lost",
  wasReady: true,
  wasUseful: true,
  hasLeft: false,
};
const UNUSABLE: AttemptEnd = {
  kind: "unusable",
  reason: "no GPU",
  wasReady: true,
  wasUseful: false,
  hasLeft: false,
};

/** An address, and what it has done. */
class Scene {
  readonly clock = new VirtualClock();
  readonly dialedAtMs: number[] = [];
  readonly reports: string[] = [];
  givenUp = 0;
  #ended = 0;
  readonly address: ReconnectingAddress;

  constructor(waitPolicy?: WaitPolicy) {
    const actions = {
      dial: () => void this.dialedAtMs.push(this.clock.now()),
      onGivenUp: () => void (this.givenUp += 1),
      report: (kind: string, reason: string) => void this.reports.push(`${kind}: ${reason}`),
    };
    this.address = new ReconnectingAddress(
      "worker",
      { clock: this.clock, random },
      actions,
      waitPolicy,
    );
    this.address.start();
  }

  /** Every attempt fails at once until so much time has passed. */
  async failFor(ms: number, end = REFUSED): Promise<void> {
    const untilMs = this.clock.now() + ms;
    for (; this.clock.now() < untilMs; await this.clock.advance(50)) {
      if (this.dialedAtMs.length === this.#ended) continue;
      this.#ended = this.dialedAtMs.length;
      this.address.onEnded(end);
    }
  }
}

test("an address that fails is dialed after doubling pauses, up to 5 seconds, and reported once", async () => {
  const scene = new Scene();
  await scene.failFor(20_000);
  assert.deepEqual(
    scene.dialedAtMs,
    [0, 100, 300, 700, 1_500, 3_100, 6_300, 11_300, 16_300],
  );
  assert.deepEqual(scene.reports, ["failed: connection refused"]);
});

test("a session dials a worker that is away every second", async () => {
  const server = new Scene({ giveUpMs: 10_000, redialMsMax: 1_000, whenNone: "go on" });
  await server.failFor(5_000);
  assert.deepEqual(server.dialedAtMs, [0, 100, 300, 700, 1_500, 2_500, 3_500, 4_500]);
});

test("an address that fails is given up after 10 seconds, and awaited again once it is connected", async () => {
  const scene = new Scene();
  await scene.failFor(10_000);
  assert.equal(scene.address.givenUpReason, undefined);
  assert.equal(scene.givenUp, 0);
  await scene.failFor(10_000);
  assert.equal(scene.address.givenUpReason, "connection refused");
  assert.equal(scene.givenUp, 2, "each failure from then on may end the run");
  await scene.clock.advance(5_000);
  scene.address.onReady();
  assert.equal(scene.address.givenUpReason, undefined);
  assert.equal(scene.address.isConnected, true);
});

test("an attempt that fails after just ten seconds still counts as awaited, and a later one does not", async () => {
  for (const [afterMs, givenUp] of [[10_000, 0], [10_001, 1]] as const) {
    const scene = new Scene();
    await scene.clock.advance(afterMs);
    scene.address.onEnded(REFUSED);
    assert.equal(scene.givenUp, givenUp);
    scene.address.remove();
    assert.equal(scene.clock.timers, 0);
  }
});

test("a worker that was useful is dialed soon, and awaited for 10 seconds more", async () => {
  const scene = new Scene();
  await scene.failFor(9_000);
  scene.address.onReady();
  await scene.clock.advance(60_000);
  const { length } = scene.dialedAtMs;
  scene.address.onEnded(LOST);
  const lostAtMs = scene.clock.now();
  await scene.clock.advance(100);
  assert.equal(scene.dialedAtMs[length], lostAtMs + 100);
  assert.deepEqual(scene.reports, ["failed: connection refused"], "a loss is reported otherwise");
  scene.address.onEnded(REFUSED);
  assert.equal(scene.reports.length, 2, "what happens after it was of use is news");
  await scene.failFor(9_000);
  assert.equal(scene.address.givenUpReason, undefined);
});

test("a worker that is lost, and cannot be reached for the same reason, is reported as lost alone", async () => {
  const scene = new Scene();
  scene.address.onReady();
  scene.address.onEnded(LOST);
  await scene.clock.advance(100);
  scene.address.onEnded({ ...REFUSED, reason: LOST.reason });
  assert.deepEqual(scene.reports, []);
});

test("a worker that comes back of no use after it was given up is given up at once", async () => {
  const scene = new Scene();
  await scene.failFor(20_000);
  await scene.clock.advance(5_000);
  scene.address.onReady();
  await scene.clock.advance(100);
  scene.address.onEnded({ ...LOST, wasUseful: false });
  assert.equal(scene.address.givenUpReason, "lost");
});

test("an unusable worker is dialed every 30 seconds, and given up until it has loaded the core", async () => {
  const scene = new Scene();
  scene.address.onReady();
  scene.address.onEnded(UNUSABLE);
  assert.equal(scene.address.givenUpReason, "no GPU");
  await scene.clock.advance(29_999);
  assert.equal(scene.dialedAtMs.length, 1);
  await scene.clock.advance(1);
  assert.equal(scene.dialedAtMs.length, 2);
  scene.address.onReady();
  assert.equal(scene.address.givenUpReason, "no GPU", "it still has to load the core");
  scene.address.onEnded(REFUSED);
  assert.equal(scene.address.givenUpReason, "connection refused");
  await scene.clock.advance(100);
  scene.address.onReady();
  assert.equal(scene.address.givenUpReason, "connection refused");
  scene.address.onCoreLoaded();
  assert.equal(scene.address.givenUpReason, undefined);
});

test("a second address of a worker that is lost soon after the start is still awaited", async () => {
  const { clock, address } = new Scene();
  address.onDuplicate("worker 1");
  address.onEnded(UNUSABLE);
  await clock.advance(1_000);
  address.onInstanceGone("worker 1");
  address.onReady();
  address.onCoreLoaded();
  await clock.advance(1_000);
  address.onEnded({ ...REFUSED, wasReady: true });
  assert.equal(address.givenUpReason, undefined, "the first ten seconds are not over");
});

test("a run waits for a second address when the first is lost, however late that is", async () => {
  const { clock, address } = new Scene();
  await clock.advance(4_000);
  address.onDuplicate("worker 1");
  address.onEnded(UNUSABLE);
  await clock.advance(30_000);
  address.onDuplicate("worker 1"); // it was dialed again
  address.onEnded(UNUSABLE);
  await clock.advance(25_000);
  assert.equal(address.givenUpReason, UNUSABLE.reason);
  address.onInstanceGone("worker 1");
  assert.equal(address.givenUpReason, undefined, "it can be used now");
  address.onEnded(REFUSED);
  await clock.advance(5_900);
  assert.equal(address.givenUpReason, undefined, "the run waits for it as for any other");
  address.onEnded(REFUSED);
  await clock.advance(200);
  address.onEnded(REFUSED);
  assert.equal(address.givenUpReason, "connection refused", "four seconds were over before");
  address.onReady();
  address.onDuplicate("worker 1");
  address.onInstanceGone("worker 1");
  assert.equal(address.givenUpReason, "connection refused", "it has had its time");
});

test("a worker that was useful and is lost may return for ten minutes, unless it refuses or leaves meanwhile", async () => {
  const scene = new Scene();
  scene.address.onEnded(REFUSED);
  await scene.clock.advance(3_000);
  assert.equal(scene.address.returnsUntilMs, undefined, "nobody has reached it");
  scene.address.onReady();
  assert.equal(scene.address.returnsUntilMs, undefined, "it is here");
  const lostAtMs = scene.clock.now();
  scene.address.onEnded(LOST);
  await scene.failFor(20_000);
  assert.equal(scene.address.givenUpReason, "connection refused");
  assert.equal(
    scene.address.returnsUntilMs,
    lostAtMs + 600_000,
    "what fails later extends nothing",
  );
  await scene.clock.advance(lostAtMs + 599_999 - scene.clock.now());
  assert.equal(scene.address.returnsUntilMs, lostAtMs + 600_000);
  await scene.clock.advance(1);
  assert.equal(scene.address.returnsUntilMs, undefined);
  for (const end of [UNUSABLE, { ...LOST, hasLeft: true }, { ...REFUSED, hasLeft: true }]) {
    const { address, clock } = new Scene();
    address.onReady();
    address.onEnded(LOST);
    assert.equal(address.returnsUntilMs, 600_000);
    await clock.advance(100);
    address.onEnded(end);
    assert.equal(address.returnsUntilMs, undefined);
  }
});

test("a session, which goes on without workers, waits for none to return", () => {
  const { address } = new Scene({ giveUpMs: 10_000, whenNone: "go on" });
  address.onReady();
  address.onEnded(LOST);
  assert.equal(address.returnsUntilMs, undefined);
});

test("a worker that may agree on another version is dialed at once", () => {
  const scene = new Scene();
  scene.address.onEnded({ kind: "renegotiate" });
  assert.deepEqual(scene.dialedAtMs, [0, 0]);
  assert.deepEqual(scene.reports, []);
});

test("an address that was given up is dialed at once when it is named, or when its attempt has ended", async () => {
  const scene = new Scene();
  scene.address.onNamed();
  scene.address.onEnded(UNUSABLE);
  assert.equal(scene.dialedAtMs.length, 1, "naming one that is awaited changes nothing");
  scene.address.onNamed();
  assert.equal(scene.dialedAtMs.length, 2);
  assert.equal(scene.address.givenUpReason, undefined);
  scene.address.onEnded(UNUSABLE);
  await scene.clock.advance(30_000);
  assert.equal(scene.dialedAtMs.length, 3);
  scene.address.onNamed();
  assert.equal(scene.dialedAtMs.length, 3, "it is being dialed");
  scene.address.onEnded(UNUSABLE);
  assert.equal(scene.dialedAtMs.length, 4);
});

test("another address of a worker is dialed at once when that worker is gone", () => {
  const scene = new Scene();
  scene.address.onDuplicate("abc");
  scene.address.onEnded(UNUSABLE);
  scene.address.onInstanceGone("other");
  assert.equal(scene.dialedAtMs.length, 1);
  scene.address.onInstanceGone("abc");
  assert.equal(scene.dialedAtMs.length, 2);
  scene.address.onEnded(UNUSABLE);
  scene.address.onInstanceGone("abc");
  assert.equal(scene.dialedAtMs.length, 2, "once");
});

test("a removed address is not dialed again, whatever it is doing", async () => {
  const removals: ((scene: Scene) => void)[] = [
    ({ address }) => { // while it is dialed
      address.remove();
      address.onEnded(REFUSED);
    },
    ({ address }) => { // while it is connected
      address.onReady();
      address.remove();
      address.onEnded(LOST);
    },
    ({ address }) => { // while it waits
      address.onEnded(REFUSED);
      address.remove();
    },
  ];
  for (const remove of removals) {
    const scene = new Scene();
    remove(scene);
    scene.address.onNamed();
    scene.address.onInstanceGone("abc");
    await scene.clock.advance(60_000);
    assert.equal(scene.dialedAtMs.length, 1);
    assert.equal(scene.clock.timers, 0);
    assert.equal(scene.address.isRemoved, true);
  }
});
