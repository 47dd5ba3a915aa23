/** A controller's side of the protocol, against workers of other makers: polite, odd and hostile. */

import assert from "node:assert/strict";
import {
  acceptsThenCloses,
  answering,
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
  unknownResponseType,
  wrongId,
} from "../../fixtures/peers/scripted_worker.ts";
import { numberedInputs, type Simulation, test } from "../simulation.ts";

const NOTHING = new Uint8Array();

const seed = Math.floor(Math.random() * 2 ** 31);

test("every input comes back once from a worker that echoes, whatever its size", async (simulation) => {
  const sizes = [0, 1, 100, 32 * 1024, 64 * 1024 + 1, 300_000, 3 * 1024 * 1024];
  const inputs = sizes.map((size) => new Uint8Array(size).fill(size % 251));
  await assertServes(simulation, echo(), inputs);
});

test("answers may come in any order", async (simulation) => {
  await assertServes(simulation, echo({ reorder: true, parallel: 4 }), numberedInputs(200));
});

test("a worker that reads slowly gets all of its inputs", async (simulation) => {
  const script = slowReader({ pieceBytes: 4096, intervalMs: 1 });
  await assertServes(simulation, script, numberedInputs(500));
});

test("a worker whose slots are not known has two jobs until it has answered one", async (simulation) => {
  const peer = await simulation.peer(echo({ delayMs: 100 }));
  const recorded = simulation.cluster();
  recorded.dial(peer);
  recorded.addAll(numberedInputs(20));
  await recorded.completed(1);
  assert.equal(peer.maxOutstanding, 2);
});

test("a slow worker never has more jobs than it can start soon", async (simulation) => {
  const peer = await simulation.peer(echo({ delayMs: 20 }));
  const recorded = simulation.cluster();
  const inputs = numberedInputs(40);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(peer.maxOutstanding <= 4, `it had ${peer.maxOutstanding} jobs at once`);
});

test("a worker that turns out to have more slots gets more jobs", async (simulation) => {
  const peer = await simulation.peer(echo({ delayMs: 20, parallel: 8 }));
  const recorded = simulation.cluster();
  const inputs = numberedInputs(300);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(peer.maxOutstanding >= 8, `it had ${peer.maxOutstanding} jobs at once`);
});

test("an address that is listed twice is dialed once", async (simulation) => {
  const peer = await simulation.peer(echo());
  const recorded = simulation.cluster();
  const inputs = numberedInputs(20);
  recorded.dial(peer);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  assert.equal(peer.connections, 1);
});

test("a worker's error ends its job, and is reported as one printable line", async (simulation) => {
  const peer = await simulation.peer(jobErrors("it went\nwrong\u001b[31m\u0007twice"));
  const recorded = simulation.cluster();
  recorded.dial(peer);
  recorded.addAll(numberedInputs(3));
  await recorded.completed(3);
  for (const { answer, job } of recorded.completions) {
    assert.deepEqual(answer, {
      kind: "error",
      cause: "other",
      message: "it went wrong twice",
    });
    assert.equal(job.attempt, 1);
  }
});

test("an error without a text is reported as having no reason", async (simulation) => {
  const peer = await simulation.peer(jobErrors("\n"));
  const recorded = simulation.cluster();
  recorded.dial(peer);
  recorded.addAll(numberedInputs(1));
  await recorded.completed(1);
  assert.deepEqual(recorded.ends, ["other: (no reason given)"]);
});

test("a worker whose connection breaks again and again is used again and again", async (simulation) => {
  const inputs = numberedInputs(60);
  const peer = await simulation.peer(cutAfterMessages(12));
  const recorded = simulation.cluster();
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(peer.connections > 3, `it was dialed ${peer.connections} times`);
  assert.deepEqual(peer.complaints, []);
});

test("a worker that dies within an answer is used again when it reconnects", async (simulation) => {
  const script: Script = (session) => {
    const isDying = session.statistics.connections <= 2;
    (isDying ? closesMidFrame : echo())(session);
  };
  const inputs = numberedInputs(20);
  const peer = await simulation.peer(script);
  const recorded = simulation.cluster();
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(peer.connections, 3);
});

test("a worker that is busy with another controller is used when it answers", async (simulation) => {
  const script: Script = (session) => {
    const isBusy = session.statistics.connections === 1;
    (isBusy ? silent : echo())(session);
  };
  const inputs = numberedInputs(20);
  const peer = await simulation.peer(script);
  const recorded = simulation.cluster();
  recorded.dial(peer);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  await simulation.advance(250);
  assert.deepEqual(recorded.warnings, [
    `worker 127.0.0.1:${peer.port}: it did not answer the version exchange within 10s; trying again`,
  ]);
});

/** Workers that are of no use, with a word of the reason that a run gives. */
const USELESS: [string, Script, RegExp][] = [
  ["refuses the version", refusesVersion, /does not speak protocol version 1/],
  ["stays silent", silent, /did not answer the version exchange within 10s/],
  [
    "closes at once",
    acceptsThenCloses,
    /: it closed the connection at once \(is a worker running behind this address\?\)/,
  ],
  ["is a web server", http, /does not speak the worker protocol/],
  [`sends random bytes (seed ${seed})`, randomBytes(seed), /does not speak the worker protocol/],
  ["cannot load the core", coreError("no such library"), /no such library/],
  ["answers ids that were never sent", wrongId, /no outstanding message/],
  ["answers everything twice", staleAnswers, /no outstanding message/],
  ["answers before it is asked", (session) => session.ok(1n, NOTHING), /message 1\b/],
  [
    "answers beyond any id",
    (session) => session.ok(2n ** 63n, NOTHING),
    /message 9223372036854775808/,
  ],
  ["never confirms the core", answering({ core: () => {} }), /did not confirm .* within 660s/],
  ["confirms the core with a payload", confirmsOddly(), /does not speak the worker protocol/],
  ["answers the version exchange twice", answersTwice(), /no outstanding message/],
  ["has a response type of its own", unknownResponseType, /0x02 is not a response type/],
  ["sends less than it announces", shortJobResponse, /does not speak the worker protocol/],
  ["closes within an answer", closesMidFrame, /ended inside a frame/],
  [
    "announces more than any memory holds",
    hugeLength,
    /announces a payload of 18446744073709551615/,
  ],
];

for (const [what, script, reason] of USELESS) {
  test(`a worker that ${what} is given up, and the reason is reported`, async (simulation) => {
    const peer = await simulation.peer(script);
    const recorded = simulation.cluster();
    recorded.dial(peer);
    recorded.addAll(numberedInputs(30));
    const reasons = await recorded.noWorkerLeft();
    assert.equal(reasons.length, 1);
    assert.match(reasons[0] ?? "", reason);
    assert(reasons[0]?.startsWith(`127.0.0.1:${peer.port}: `));
  });

  test(`beside a worker that ${what} a good one does everything`, async (simulation) => {
    const bad = await simulation.peer(script);
    const good = await simulation.peer(echo({ delayMs: 4, parallel: 2 }));
    const recorded = simulation.cluster();
    const inputs = numberedInputs(60);
    recorded.dial(bad);
    recorded.dial(good);
    recorded.addAll(inputs);
    await recorded.completed(inputs.length);
    recorded.assertEchoed(inputs);
    const isNamed = (text: string) => text.includes(`:${bad.port}`) && reason.test(text);
    await simulation.until("a warning names it", () => recorded.warnings.some(isNamed));
    assert.deepEqual(good.complaints, []);
  });
}

test("a port that refuses connections is dialed until it is given up, and reported once", async (simulation) => {
  const recorded = simulation.cluster();
  recorded.dial({ port: 1 });
  recorded.addAll(numberedInputs(1));
  const reasons = await recorded.noWorkerLeft();
  assert.deepEqual(reasons, ["127.0.0.1:1: connection refused"]);
  assert.deepEqual(recorded.warnings, [
    "worker 127.0.0.1:1: connection refused; trying again",
  ]);
  const atMs = simulation.network.clock.now();
  assert(atMs > 10_000 && atMs < 16_000, `it was given up after ${atMs} ms`);
});

test("many workers that cannot be reached are reported in one line, by their reasons", async (simulation) => {
  const good = await simulation.peer(echo());
  const closing = await simulation.peer(acceptsThenCloses);
  const recorded = simulation.cluster();
  for (let port = 1; port <= 20; port++) recorded.dial({ port });
  recorded.dial(closing);
  recorded.dial(good);
  recorded.add(numberedInputs(1));
  await recorded.completed(1);
  await simulation.advance(60_000);
  assert.deepEqual(recorded.warnings, [
    "21 of 22 workers cannot be reached: connection refused (20), it closed the connection at once (is a worker running behind this address?) (1); " +
    "trying again",
  ]);
});

test("the reasons of all workers are reported when the last one is given up", async (simulation) => {
  const one = await simulation.peer(refusesVersion);
  const other = await simulation.peer(coreError("built for another machine"));
  const recorded = simulation.cluster();
  recorded.dial(one);
  recorded.dial(other);
  recorded.addAll(numberedInputs(1));
  const reasons = await recorded.noWorkerLeft();
  assert.deepEqual(reasons, [
    `127.0.0.1:${one.port}: it does not speak protocol version 1`,
    `127.0.0.1:${other.port}: built for another machine`,
  ]);
});

test("a cluster that listens does not give up", async (simulation) => {
  const peer = await simulation.peer(refusesVersion);
  const recorded = simulation.cluster();
  recorded.listen();
  recorded.dial(peer);
  recorded.addAll(numberedInputs(1));
  await simulation.advance(600_000);
  assert.equal(recorded.warnings.length, 1);
  assert.equal(recorded.noWorkerReasons, undefined);
});

test("a worker that joins while answers are not read is not given up for that", async (simulation) => {
  const peer = await simulation.peer(echo());
  const recorded = simulation.cluster();
  const inputs = numberedInputs(200);
  recorded.cluster.pause(true);
  recorded.dial(peer);
  recorded.addAll(inputs);
  await simulation.advance(60_000);
  assert.equal(recorded.completions.length, 0);
  recorded.cluster.pause(false);
  await recorded.completed(inputs.length);
  assertPolite(peer, inputs.length);
});

test("jobs that were not sent can be canceled, and the others are answered", async (simulation) => {
  const peer = await simulation.peer(echo({ delayMs: 50 }));
  const recorded = simulation.cluster();
  recorded.dial(peer);
  recorded.addAll(numberedInputs(100));
  await recorded.completed(1);
  const canceled = recorded.cluster.cancelUnstarted();
  await recorded.completed(100 - canceled);
  assert(canceled > 90, `${canceled} jobs were canceled`);
  assert.equal(peer.jobs, 100 - canceled);
});

test("a connection that comes when the cluster is closed is closed too", async (simulation) => {
  const { cluster } = simulation.cluster();
  const { runtime } = simulation.network;
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const stream = await runtime.dial(listener.address, 0);
  const other = await listener.accept();
  cluster.close();
  cluster.join(stream);
  assert.equal(await other?.read(new Uint8Array(1)), null);
});

/** All inputs come back from a worker with that script, which has nothing to complain about. */
async function assertServes(
  simulation: Simulation,
  script: Script,
  inputs: Uint8Array<ArrayBuffer>[],
): Promise<void> {
  const peer = await simulation.peer(script);
  const recorded = simulation.cluster();
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

/** Answers each version exchange twice. */
function answersTwice(): Script {
  return answering({
    version(session, { id }) {
      for (let count = 0; count < 2; count++) session.ok(id, Uint8Array.of(1));
    },
  });
}

/** Loads the core, and says so in an answer that should be empty. */
function confirmsOddly(): Script {
  return answering({ core: (session, { id }) => session.ok(id, Uint8Array.of(1)) });
}
