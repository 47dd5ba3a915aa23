/** A controller's side of the protocol, against workers of other makers: polite, odd and hostile. */

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import {
  acceptsThenCloses,
  closesMidFrame,
  coreError,
  echo,
  http,
  hugeLength,
  jobErrors,
  type Peer,
  randomBytes,
  refusesVersion,
  type Script,
  shortJobResponse,
  silent,
  slowReader,
  staleAnswers,
  startPeer,
  unknownResponseType,
  wrongId,
} from "../../fixtures/peers/scripted_worker.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";
import { numberedInputs, RecordedCluster } from "./clusters.ts";

/** Real limits are for real networks; the peers here are on this machine. */
const LIMITS = { hopeMs: 600, versionMs: 300 };

const seed = Math.floor(Math.random() * 2 ** 31);

test("every input comes back once from a worker that echoes, whatever its size", async () => {
  const sizes = [0, 1, 100, 32 * 1024, 64 * 1024 + 1, 300_000, 3 * 1024 * 1024];
  const inputs = sizes.map((size) => new Uint8Array(size).fill(size % 251));
  await assertServes(echo(), inputs);
});

test("answers may come in any order", async () => {
  await assertServes(echo({ reorder: true, parallel: 4 }), numberedInputs(200));
});

test("a worker that reads slowly gets all of its inputs", async () => {
  await assertServes(slowReader({ pieceBytes: 4096, intervalMs: 1 }), numberedInputs(500));
});

test("a worker whose slots are not known has two jobs until it has answered one", async () => {
  await using peer = await startPeer(echo({ delayMs: 100 }));
  using recorded = await RecordedCluster.make(LIMITS);
  recorded.dial(peer);
  recorded.addAll(numberedInputs(20));
  await eventually("the first answer", () => recorded.completions.length > 0);
  assert.equal(peer.maxOutstanding, 2);
});

test("a slow worker never has more than it could begin soon", async () => {
  await using peer = await startPeer(echo({ delayMs: 20 }));
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(40);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(peer.maxOutstanding <= 4, `it had ${peer.maxOutstanding} jobs at once`);
});

test("a worker that shows more slots gets more jobs", async () => {
  await using peer = await startPeer(echo({ delayMs: 20, parallel: 8 }));
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(300);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(peer.maxOutstanding >= 8, `it had ${peer.maxOutstanding} jobs at once`);
});

test("the same worker named twice is dialled once", async () => {
  await using peer = await startPeer(echo());
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(20);
  recorded.dial(peer);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  assert.equal(peer.connections, 1);
});

test("a worker's error for a job is that job's end, and comes as one printable line", async () => {
  await using peer = await startPeer(jobErrors("it went\nwrong\u001b[31m\u0007twice"));
  using recorded = await RecordedCluster.make(LIMITS);
  recorded.dial(peer);
  recorded.addAll(numberedInputs(3));
  await recorded.completed(3);
  for (const { answer, job } of recorded.completions) {
    assert.deepEqual(answer, {
      kind: "error",
      cause: "other",
      message: "it went wrong [31m twice",
    });
    assert.equal(job.attempt, 1);
  }
});

test("a worker whose connection is cut again and again is used again and again", async () => {
  const inputs = numberedInputs(60);
  await using peer = await startPeer(cutAfterMessages(12));
  using recorded = await RecordedCluster.make({ ...LIMITS, hopeMs: 1 });
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(peer.connections > 3, `it was dialled ${peer.connections} times`);
  assert.deepEqual(peer.complaints, []);
});

test("a worker that dies within an answer is used when it comes back", async () => {
  const script: Script = (session) => {
    const isDying = session.statistics.connections <= 2;
    (isDying ? closesMidFrame : echo())(session);
  };
  const inputs = numberedInputs(20);
  await using peer = await startPeer(script);
  using recorded = await RecordedCluster.make({ ...LIMITS, hopeMs: 20_000 });
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(peer.connections, 3);
});

test("a worker that is busy with another controller is used when it answers", async () => {
  const script: Script = (session) => {
    const isBusy = session.statistics.connections <= 2;
    (isBusy ? silent : echo())(session);
  };
  const inputs = numberedInputs(20);
  await using peer = await startPeer(script);
  using recorded = await RecordedCluster.make({ hopeMs: 20_000, versionMs: 50 });
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(recorded.warnings.length, 1, "it is told once");
});

/** Workers that are none, with a word of the reason that a run gives. */
const USELESS: [string, Script, RegExp][] = [
  ["refuses the version", refusesVersion, /does not speak protocol version 1/],
  ["stays silent", silent, /did not answer the version exchange within 0.3 s/],
  ["closes at once", acceptsThenCloses, /it closed the connection/],
  ["is a web server", http, /does not speak the worker protocol/],
  [`sends random bytes (seed ${seed})`, randomBytes(seed), /does not speak the worker protocol/],
  ["cannot load the core", coreError("no such library"), /no such library/],
  ["answers ids that were never sent", wrongId, /which is not out/],
  ["answers everything twice", staleAnswers, /which is not out/],
  ["has a response type of its own", unknownResponseType, /0x02 is not a response type/],
  ["says less than it announces", shortJobResponse, /does not speak the worker protocol/],
  ["closes within an answer", closesMidFrame, /ended inside a frame/],
  [
    "announces more than any memory holds",
    hugeLength,
    /announces a payload of 18446744073709551615/,
  ],
];

for (const [what, script, reason] of USELESS) {
  test(`a worker that ${what} is given up, and the reason is told`, async () => {
    await using peer = await startPeer(script);
    using recorded = await RecordedCluster.make(LIMITS);
    recorded.dial(peer);
    recorded.addAll(numberedInputs(30));
    const reasons = await recorded.givenUp();
    assert.equal(reasons.length, 1);
    assert.match(reasons[0] ?? "", reason);
    assert(reasons[0]?.startsWith(`127.0.0.1:${peer.port}: `));
  });

  test(`beside a worker that ${what} a good one does everything`, async () => {
    await using bad = await startPeer(script);
    await using good = await startPeer(echo({ delayMs: 4, parallel: 2 }));
    using recorded = await RecordedCluster.make(LIMITS);
    const inputs = numberedInputs(60);
    recorded.dial(bad);
    recorded.dial(good);
    recorded.addAll(inputs);
    await recorded.completed(inputs.length);
    recorded.assertEchoed(inputs);
    await eventually(
      "a warning names the bad one",
      () =>
        recorded.warnings.some((text) =>
          text.includes(`127.0.0.1:${bad.port}`) && reason.test(text)
        ),
    );
    assert.deepEqual(good.complaints, []);
  });
}

test("a port that nobody listens on is given up after a while, and tried until then", async () => {
  using recorded = await RecordedCluster.make(LIMITS);
  recorded.dial({ port: 1 }); // tcpmux, which nobody has listened on for decades
  recorded.addAll(numberedInputs(1));
  const [reason] = await recorded.givenUp();
  assert.match(reason ?? "", /connection refused/);
  assert.equal(recorded.warnings.length, 1, "a reason is told once, not at every attempt");
});

test("all reasons are told when the last worker is given up", async () => {
  await using one = await startPeer(refusesVersion);
  await using other = await startPeer(coreError("built for another machine"));
  using recorded = await RecordedCluster.make(LIMITS);
  recorded.dial(one);
  recorded.dial(other);
  recorded.addAll(numberedInputs(1));
  const reasons = await recorded.givenUp();
  assert.deepEqual(reasons, [
    `127.0.0.1:${one.port}: it does not speak protocol version 1`,
    `127.0.0.1:${other.port}: built for another machine`,
  ]);
});

test("a cluster that takes guests does not give up", async () => {
  await using peer = await startPeer(refusesVersion);
  using recorded = await RecordedCluster.make(LIMITS);
  recorded.cluster.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  recorded.dial(peer);
  recorded.addAll(numberedInputs(1));
  await eventually("the worker is given up", () => recorded.warnings.length > 0);
  assert.equal(recorded.forsaken, undefined);
});

test("a worker that joins while answers have to wait is not given up for it", async () => {
  await using peer = await startPeer(echo());
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(200);
  recorded.cluster.pause(true);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await delay(2 * LIMITS.versionMs); // longer than it may take to answer
  assert.equal(recorded.completions.length, 0);
  recorded.cluster.pause(false);
  await recorded.completed(inputs.length);
  assertPolite(peer, inputs.length);
});

test("what was not sent can be taken back, and the rest is answered", async () => {
  await using peer = await startPeer(echo({ delayMs: 50 }));
  using recorded = await RecordedCluster.make(LIMITS);
  recorded.dial(peer);
  recorded.addAll(numberedInputs(100));
  await recorded.completed(1);
  const taken = recorded.cluster.cancelUnstarted();
  await recorded.completed(100 - taken);
  assert(taken > 90, `${taken} jobs were taken back`);
  assert.equal(peer.jobs, 100 - taken);
});

test("a connection that comes when the cluster is closed is closed too", async () => {
  const recorded = await RecordedCluster.make(LIMITS);
  recorded.cluster.close();
  let isClosed = false;
  const stream = {
    peer: "late",
    read: () => new Promise<null>(() => {}),
    write: () => Promise.resolve(),
    endWrites: () => Promise.resolve(),
    close: () => void (isClosed = true),
  };
  void recorded.cluster.join(stream);
  assert(isClosed);
});

/** All inputs come back from a worker with that script, which has nothing to complain about. */
async function assertServes(script: Script, inputs: Uint8Array<ArrayBuffer>[]): Promise<void> {
  await using peer = await startPeer(script);
  using recorded = await RecordedCluster.make(LIMITS);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assertPolite(peer, inputs.length);
}

function assertPolite(peer: Peer, jobs: number): void {
  assert.deepEqual(peer.complaints, []);
  assert.equal(peer.connections, 1);
  assert.equal(peer.jobs, jobs);
}

/** Echoes, and cuts each connection after some reads: within a message, an answer, or between them. */
function cutAfterMessages(reads: number): Script {
  return (session) => {
    echo()(session);
    let count = 0;
    session.socket.on("data", () => {
      if (++count === reads) session.socket.destroy();
    });
  };
}
