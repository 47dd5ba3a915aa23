/** Which protocol version a worker is offered. */

import assert from "node:assert/strict";
import { VersionNegotiation } from "../../../controller/workers/version_negotiation.ts";
import { FrameReader, VERSION, view } from "../../fixtures/peers/frames.ts";
import { answering } from "../../fixtures/peers/scripted_worker.ts";
import {
  acceptsAllVersions,
  onlyVersion1,
  type Refusal,
} from "../../fixtures/peers/scripted_worker_2.ts";
import { assertPolite, numberedInputs, test } from "../simulation.ts";

test("version 2 is offered first, and after a refusal only version 1", () => {
  const versions = new VersionNegotiation();
  assert.equal(versions.version, 2);
  assert.equal(versions.onRefused(2), true, "there is another version");
  assert.equal(versions.version, 1);
  assert.equal(versions.onAgreed(1), true);
  versions.onUnanswered();
  assert.equal(versions.version, 1);
});

test("versions are offered in turn while connections end without an answer", () => {
  const versions = new VersionNegotiation();
  const offered = Array.from({ length: 4 }, () => {
    const { version } = versions;
    versions.onUnanswered();
    return version;
  });
  assert.deepEqual(offered, [2, 1, 2, 1]);
});

test("a worker that agrees on version 1 is used once version 2 went unanswered three times", () => {
  const versions = new VersionNegotiation();
  versions.onUnanswered();
  assert.equal(versions.version, 1);
  assert.equal(versions.onAgreed(1), false, "it speaks 1, but has not refused 2");
  assert.equal(versions.version, 2);
  versions.onUnanswered();
  assert.equal(versions.onAgreed(1), false, "two accidents may have done that");
  versions.onUnanswered();
  assert.equal(versions.onAgreed(1), true, "it does not answer 2");
  assert.equal(versions.version, 2, "the next connection may be to another worker");
  versions.onUnanswered();
  assert.equal(versions.onAgreed(1), true, "one more unanswered offer is enough");
});

test("a worker that has agreed on version 2 is used with version 1 only after ten unanswered offers", () => {
  const versions = new VersionNegotiation();
  versions.onUnanswered();
  assert.equal(versions.onAgreed(1), false);
  assert.equal(versions.onAgreed(2), true);
  for (let offers = 1; offers < 10; offers++) {
    assert.equal(versions.version, 2);
    versions.onUnanswered();
    assert.equal(versions.onAgreed(1), false, `after ${offers} offers without an answer`);
  }
  versions.onUnanswered();
  assert.equal(versions.onAgreed(1), true);
});

test("a worker has no version left when it has refused all since it agreed on one", () => {
  const versions = new VersionNegotiation();
  assert.equal(versions.onRefused(2), true);
  assert.equal(versions.onAgreed(1), true);
  assert.equal(versions.onRefused(1), true, "it has spoken 1 before, and may speak 2 now");
  assert.equal(versions.version, 2);
  assert.equal(versions.onRefused(2), false);
  assert.equal(versions.onRefused(2), true, "the count starts again");
});

test("two workers on one host that refuse the same version refuse one version", () => {
  const versions = new VersionNegotiation();
  assert.equal(versions.onRefused(2), true);
  assert.equal(versions.onRefused(2), true);
  assert.equal(versions.version, 1);
});

for (const refusal of ["answers 0", "error"] satisfies Refusal[]) {
  test(`a worker of version 1 that refuses version 2 (${refusal}) is used without a warning`, async (simulation) => {
    const peer = await simulation.peer(onlyVersion1(refusal));
    const recorded = simulation.cluster();
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

test("a worker of version 1 that closes the connection instead of refusing is used in the end", async (simulation) => {
  const peer = await simulation.peer(onlyVersion1("ends"));
  const recorded = simulation.cluster();
  const inputs = numberedInputs(20);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(peer.connections, 6);
  assertPolite(peer);
});

for (const [unknown, connections] of [["error", 2], ["ends", 6]] as const) {
  test(`a worker of version 1 that accepts every version is used with it (describe: ${unknown})`, async (simulation) => {
    const peer = await simulation.peer(acceptsAllVersions(unknown));
    const recorded = simulation.cluster();
    const inputs = numberedInputs(20);
    recorded.dial(peer);
    recorded.addAll(inputs);
    await recorded.completed(inputs.length);
    recorded.assertEchoed(inputs);
    assert.equal(peer.connections, connections);
    assertPolite(peer);
  });
}

test("a worker behind a tunnel that was open before it is not taken for one of version 1", async (simulation) => {
  const worker = await simulation.worker();
  const recorded = simulation.cluster();
  simulation.network.cutNext(worker.port, 1);
  const inputs = numberedInputs(5);
  recorded.dial(worker);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  assert.equal(worker.received.describes, 1, "it is used as what it is");
  assertPolite(worker);
});

test("a worker that has refused version 2 is not offered it again", async (simulation) => {
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
  const peer = await simulation.peer(script);
  const recorded = simulation.cluster();
  const inputs = numberedInputs(20);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.deepEqual(offered, [2, 1, 1, 1]);
});

test("a worker of version 1 that connects to the cluster is offered it when it connects again", async (simulation) => {
  const recorded = simulation.cluster();
  const port = recorded.listen();
  const inputs = numberedInputs(20);
  recorded.addAll(inputs);
  const worker = await simulation.dialingWorker(port, { versions: [1] });
  await simulation.until("it is rejected", () => worker.openConnections === 0);
  await worker.dial(port);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(worker.connections, 2);
  assert.deepEqual(recorded.warnings, []);
  assertPolite(worker);
});

test("a worker of version 1 that is replaced by one that speaks only version 2 is still used", async (simulation) => {
  const worker = await simulation.worker({ versions: [1] });
  const recorded = simulation.cluster();
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

test("a worker that refuses both versions is given up after two connections", async (simulation) => {
  const worker = await simulation.worker({ versions: [] });
  const recorded = simulation.cluster();
  recorded.dial(worker);
  recorded.addAll(numberedInputs(1));
  const reasons = await recorded.noWorkerLeft();
  assert.deepEqual(reasons, [`127.0.0.1:${worker.port}: it does not speak protocol version 1`]);
  assert.equal(worker.connections, 2);
});

test("a worker that refuses both versions is reported once, however often it connects", async (simulation) => {
  const recorded = simulation.cluster();
  const port = recorded.listen();
  const worker = await simulation.dialingWorker(port, { versions: [] });
  for (let count = 2; count <= 8; count++) {
    await simulation.until("it is rejected", () => worker.openConnections === 0);
    await worker.dial(port);
  }
  await simulation.until("it is rejected", () => worker.openConnections === 0);
  assert.equal(recorded.warnings.length, 1);
  assert.match(recorded.warnings[0] ?? "", /cannot use worker .* version 1/);
});

test("the local worker is offered version 2, however often it has died before it answered", async (simulation) => {
  const { cluster } = simulation.cluster();
  const { runtime } = simulation.network;
  const listener = runtime.listen({ kind: "unix", path: "/run/controller" });
  for (let times = 0; times < 3; times++) {
    const worker = await runtime.dial(listener.address, 0);
    cluster.join(await listener.accept() ?? assert.fail(), "this machine", () => {});
    const bytes = new Uint8Array(64);
    const count = await worker.read(bytes) ?? 0;
    const [message] = new FrameReader().push(bytes.subarray(0, count));
    assert.equal(message?.type, VERSION);
    assert.equal(view(message.payload).getUint32(0, true), 2);
    worker.close();
    await simulation.advance(0);
  }
  listener.close();
});
