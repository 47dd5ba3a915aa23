/** Workers that give no sign of life, and those that only seem so. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_POLICY } from "../../../controller/cluster/retries.ts";
import { silentAfter, startPeer } from "../../fixtures/peers/scripted_worker.ts";
import { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";
import { assertPolite, numberedInputs, RecordedCluster } from "../cluster/clusters.ts";

/** A worker that hangs is given up soon; one that doesn't has time enough, also on a loaded machine. */
const STRICT = { hopeMs: 20_000, versionMs: 300, silentMs: 2_000 };
const LENIENT = { hopeMs: 20_000, versionMs: 5_000, silentMs: 3_000 };

test("a worker that hangs is given up, and its jobs run elsewhere, once", async () => {
  await using hung = await ScriptedWorker2.start({ slots: 3 });
  await using healthy = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(STRICT);
  const inputs = numberedInputs(40);
  hung.hold();
  recorded.dial(hung);
  await recorded.connected(1);
  recorded.addAll(inputs);
  await eventually("it is at work", () => hung.slots.busy === 3);
  hung.hang();
  recorded.dial(healthy);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  const lost = recorded.warnings.filter((text) => /no sign of life for \d+ s; 6 jobs/.test(text));
  assert.equal(lost.length, 1, `${recorded.warnings}`);
  assert.equal(recorded.cluster.status.faults.lost, 6);
  assertPolite(healthy);
});

test("a worker that has hung is used again when it goes on, and what it says late is nothing", async () => {
  await using worker = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(STRICT);
  const inputs = numberedInputs(20);
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(inputs);
  await eventually("it is at work", () => worker.slots.busy === 1);
  worker.hang();
  await eventually("it is given up", () => recorded.warnings.length > 0);
  worker.wake();
  worker.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  await recorded.settled();
});

test("a worker that answers pings while its jobs take long is not given up", async () => {
  await using worker = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LENIENT);
  const inputs = numberedInputs(4);
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(inputs);
  // Four to a limit: so many are longer than it.
  await eventually("it has been pinged often", () => worker.received.pings >= 6);
  worker.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(worker.connections, 1);
  assert.equal(worker.received.jobs.length, inputs.length);
  assertPolite(worker);
});

test("a worker that answers no ping, but a job now and then, is not given up", async () => {
  await using worker = await ScriptedWorker2.start({ answersPings: false, delayMs: 250 });
  using recorded = await RecordedCluster.make(LENIENT);
  const inputs = numberedInputs(16);
  recorded.dial(worker);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(worker.connections, 1);
  assertPolite(worker);
});

test("a worker that answers neither is given up though it takes all it is sent", async () => {
  await using worker = await ScriptedWorker2.start({ answersPings: false });
  using recorded = await RecordedCluster.make(STRICT);
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(numberedInputs(1));
  await eventually("it is given up", () => worker.connections > 1);
  assert.match(recorded.warnings[0] ?? "", /no sign of life/);
});

test("a worker that nobody listens to is not given up for its silence", async () => {
  await using worker = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(STRICT);
  const inputs = numberedInputs(4);
  recorded.dial(worker);
  await recorded.connected(1);
  recorded.cluster.pause(true);
  worker.hang();
  await delay(2 * STRICT.silentMs);
  assert.equal(recorded.cluster.status.workers, 1);
  worker.wake();
  recorded.cluster.pause(false);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  assert.equal(worker.connections, 1);
  assert.deepEqual(recorded.warnings, []);
  assertPolite(worker);
});

test("a controller that could not listen for longer than the limit blames nobody", async () => {
  await using worker = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LENIENT);
  const inputs = numberedInputs(4);
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(inputs);
  await eventually("it is at work", () => worker.slots.busy === 1);
  const { pings } = worker.received;
  await eventually("it is pinged", () => worker.received.pings > pings);
  await delay(400); // until the answer is an old one: what comes next has to wait for the block's end
  const pingsBefore = worker.received.pings;
  block(1.5 * LENIENT.silentMs);
  await eventually("it is pinged again", () => worker.received.pings > pingsBefore + 1);
  worker.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(worker.connections, 1);
  assertPolite(worker);
});

test("a worker that takes long to read large inputs is not taken for a silent one", async () => {
  await using worker = await ScriptedWorker2.start();
  await using network = await slowNetwork(worker.port, 1_500);
  using recorded = await RecordedCluster.make(STRICT);
  const inputs = [new Uint8Array(12 * 1024 * 1024).fill(1), ...numberedInputs(2)];
  recorded.dial(network);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(worker.connections, 1);
  assert.deepEqual(recorded.warnings, []);
  assertPolite(worker);
});

test("a worker of version 1 is given up when it takes far too long, if anybody listens", async () => {
  await using mute = await startPeer(silentAfter(1));
  await using good = await ScriptedWorker2.start();
  const policy = { ...DEFAULT_POLICY, timeMs: 1 };
  using paused = await RecordedCluster.make({ ...LENIENT, policy });
  using recorded = await RecordedCluster.make({ ...LENIENT, policy });
  const inputs = numberedInputs(20);
  for (const cluster of [paused, recorded]) {
    cluster.dial(mute);
    cluster.addAll(inputs);
    await cluster.completed(1);
    paused.cluster.pause(true); // so that it has waited for longer than the other
  }
  await eventually("it is given up", () => recorded.warnings.length > 1);
  recorded.dial(good);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.match(recorded.warnings[0] ?? "", /is too old to keep limits of time and memory/);
  assert.match(recorded.warnings[1] ?? "", /answered nothing for 10 s, and a job may take 0.001 s/);
  await delay(600); // so that the other cluster has looked as late
  assert.deepEqual(paused.warnings.slice(1), [], "it is not given up");
  assert.equal(paused.cluster.status.workers, 1);
  assertPolite(good);
});

/** Stands still, with the whole event loop. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A port that leads to another one, and takes so many bytes in a millisecond. */
async function slowNetwork(
  to: number,
  bytesPerMs: number,
): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]] as const) {
      sockets.add(one);
      one.on("error", () => {});
      one.once("close", () => other.destroy());
    }
    far.pipe(near);
    near.on("data", (bytes: Uint8Array) => {
      near.pause();
      far.write(bytes);
      setTimeout(() => near.resume(), bytes.byteLength / bytesPerMs);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
