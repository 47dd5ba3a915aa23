/** Which protocol version a worker is offered. */

import assert from "node:assert/strict";
import { VersionNegotiation } from "../../../controller/workers/version_negotiation.ts";
import { decodeMessage, type Frame, FrameDecoder } from "../../../protocol/mod.ts";
import { view } from "../../fixtures/peers/frames.ts";
import { Network } from "../../fixtures/peers/network.ts";
import { answering, startPeer } from "../../fixtures/peers/scripted_worker.ts";
import {
  onlyVersion1,
  type Refusal,
  ScriptedWorker2,
} from "../../fixtures/peers/scripted_worker_2.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";
import { assertPolite, numberedInputs, RecordedCluster } from "../cluster/clusters.ts";

/** No worker gets a second chance that it has to wait for. */
const IMPATIENT = { hopeMs: 0, versionMs: 2_000 };
const LIMITS = { hopeMs: 20_000, versionMs: 2_000 };

test("version 2 is offered first, and 1 for good after a refusal", () => {
  const offers = new VersionNegotiation();
  assert.equal(offers.next("a"), 2);
  offers.onRefused("a", 2);
  assert.equal(offers.next("a"), 1);
  offers.onEnded("a");
  assert.equal(offers.next("a"), 1);
  offers.onUnanswered("a");
  assert.equal(offers.next("a"), 1);
  assert.equal(offers.next("b"), 2, "another worker is not concerned");
});

test("after a connection that has ended without an answer the versions are offered by turns", () => {
  const offers = new VersionNegotiation();
  const offered = Array.from({ length: 4 }, () => {
    const version = offers.next("a");
    offers.onUnanswered("a");
    return version;
  });
  assert.deepEqual(offered, [2, 1, 2, 1]);
});

test("a worker that may have become a newer one is offered version 2 again", () => {
  const offers = new VersionNegotiation();
  offers.onUnanswered("a");
  assert.equal(offers.next("a"), 1);
  assert.equal(offers.onAgreed("a", 1), false, "it speaks 1, but nobody has refused 2");
  offers.onEnded("a");
  assert.equal(offers.next("a"), 2);
  offers.onUnanswered("a");
  assert.equal(offers.onAgreed("a", 1), true, "it does not answer 2");
  offers.onRefused("a", 1);
  assert.equal(offers.next("a"), 2, "it has spoken 1 once, and no longer does");
});

for (const refusal of ["answers 0", "error"] satisfies Refusal[]) {
  test(`a worker of version 1 that says no (${refusal}) is offered it at once, without a word`, async () => {
    await using peer = await startPeer(onlyVersion1(refusal));
    using recorded = await RecordedCluster.make(IMPATIENT);
    const inputs = numberedInputs(20);
    recorded.dial(peer);
    recorded.addAll(inputs);
    await recorded.completed(inputs.length);
    recorded.assertEchoed(inputs);
    assert.equal(peer.connections, 2);
    assert.deepEqual(recorded.warnings, []);
    assertPolite(peer);
  });
}

test("a worker of version 1 that ends the connection at the offer of 2 is asked twice, then used", async () => {
  await using peer = await startPeer(onlyVersion1("ends"));
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(20);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(peer.connections, 4);
  assertPolite(peer);
});

test("a way that is open before the worker is does not make it a worker of version 1", async () => {
  await using worker = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LIMITS);
  await using network = await Network.open(worker.port, { cuts: 1 });
  const inputs = numberedInputs(5);
  recorded.dial(network);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  assert.equal(worker.received.describes, 1, "it is used as what it is");
  assertPolite(worker);
});

test("a worker that has refused version 2 is not asked again when it is dialled again", async () => {
  const offered: number[] = [];
  const script = answering({
    version(session, { id, payload }) {
      const version = view(payload).getUint32(0, true);
      offered.push(version);
      session.ok(id, Uint8Array.of(version === 1 ? 1 : 0));
      if (version !== 1) session.socket.end();
    },
    job(session, message) {
      session.echo(message);
      if (offered.length < 4) session.socket.end();
    },
  });
  await using peer = await startPeer(script);
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(20);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.deepEqual(offered, [2, 1, 1, 1]);
});

test("a guest of version 1 is offered it when it comes again, from whatever port", async () => {
  using recorded = await RecordedCluster.make(LIMITS);
  const port = recorded.listen();
  const inputs = numberedInputs(20);
  recorded.addAll(inputs);
  await using guest = await ScriptedWorker2.dialing(port, { versions: [1] });
  await eventually("it is sent away", () => guest.openConnections === 0);
  await guest.dial(port);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(guest.connections, 2);
  assert.deepEqual(recorded.warnings, []);
  assertPolite(guest);
});

test("a worker that is replaced by one that no longer speaks version 1 is used on", async () => {
  await using worker = await ScriptedWorker2.start({ versions: [1] });
  using recorded = await RecordedCluster.make({ ...LIMITS, hopeMs: 200 });
  recorded.dial(worker);
  const inputs = numberedInputs(20);
  recorded.add(inputs.slice(0, 10));
  await recorded.completed(10);
  worker.script.versions = [2];
  worker.restart();
  recorded.addAll(inputs.slice(10));
  await recorded.completed(20);
  recorded.assertEchoed(inputs);
  assert.equal(worker.received.describes, 1);
  assertPolite(worker);
});

test("a worker that refuses both versions is given up after two connections, for one reason", async () => {
  await using worker = await ScriptedWorker2.start({ versions: [] });
  using recorded = await RecordedCluster.make(LIMITS);
  recorded.dial(worker);
  recorded.addAll(numberedInputs(1));
  const reasons = await recorded.givenUp();
  assert.deepEqual(reasons, [`127.0.0.1:${worker.port}: it does not speak protocol version 1`]);
  assert.equal(worker.connections, 2);
});

test("a guest that refuses both versions is told of once, however often it comes", async () => {
  using recorded = await RecordedCluster.make(LIMITS);
  const port = recorded.listen();
  await using guest = await ScriptedWorker2.dialing(port, { versions: [] });
  for (let count = 2; count <= 8; count++) {
    await eventually("it is sent away", () => guest.openConnections === 0);
    await guest.dial(port);
  }
  await eventually("it is sent away", () => guest.openConnections === 0);
  assert.equal(recorded.warnings.length, 1);
  assert.match(recorded.warnings[0] ?? "", /cannot use worker .* version 1/);
});

test("a worker of one's own is offered version 2 again, however often it has died before it answered", async () => {
  using recorded = await RecordedCluster.make();
  for (let times = 0; times < 3; times++) {
    const said: Uint8Array[] = [];
    const { promise, resolve } = Promise.withResolvers<null>();
    await recorded.cluster.join(
      {
        peer: "own",
        read: () => promise,
        write: (bytes) => {
          said.push(bytes.slice());
          resolve(null); // it has died
          return Promise.resolve();
        },
        endWrites: () => Promise.resolve(),
        close: () => {},
      },
      "own",
      2,
    );
    const frame = firstOf(said);
    assert.deepEqual(decodeMessage(frame), { type: "version", id: frame.id, version: 2 });
  }
});

function firstOf(pieces: readonly Uint8Array[]): Frame {
  const decoder = new FrameDecoder();
  for (const piece of pieces) {
    decoder.space().set(piece);
    decoder.commit(piece.byteLength);
  }
  return decoder.next() ?? assert.fail("it has said nothing");
}
