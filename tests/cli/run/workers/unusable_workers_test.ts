/** `distcomp run` without usable workers: status 3 and the reasons. */

import assert from "node:assert/strict";
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
  staleAnswers,
  startPeer,
  unknownResponseType,
  wrongId,
} from "../../../fixtures/peers/scripted_worker.ts";
import { core } from "../../../lib/cores.ts";
import { slowTest } from "../../../lib/test.ts";
import { CWorker } from "../../c_worker.ts";
import { Workspace } from "../../workspace.ts";

const ECHO = await core("echo");
const JOBS = 40;

const SCRIPTS: [Script, RegExp][] = [
  [silent, /it did not answer the version exchange within 10s/],
  [
    acceptsThenCloses,
    /it closed the connection at once \(is a worker running behind this address\?\)/,
  ],
  [http, /it does not speak the worker protocol/],
  [randomBytes(1), /it does not speak the worker protocol/],
  [refusesVersion, /it does not speak protocol version 1/],
  [coreError("wrong machine"), /wrong machine/],
  [wrongId, /no outstanding message/],
  [unknownResponseType, /0x02 is not a response type/],
  [shortJobResponse, /it does not speak the worker protocol/],
  [closesMidFrame, /ended inside a frame/],
  [hugeLength, /announces a payload of/],
];

/** A name that no resolver knows, by RFC 2606. */
const UNKNOWN_HOST = "worker.invalid";

/** A port that refuses connections: only root may listen on it, and its service (tcpmux) is obsolete. */
const REFUSED = "127.0.0.1:1";

/** What a run says that waits for its lost workers. */
const WAITS =
  /^warning: no worker can be reached any more: waiting until \d\d:\d\d:\d\d for one to return; Ctrl-C ends the run$/m;

/** A worker is given up after ten seconds or more, so these runs wait at the same time. */
slowTest(
  "a run without a usable worker ends with status 3 and the reason for each worker",
  async () => {
    const parts = [allAreUseless(), theOnlyOneTurnsBad(), jsonSaysWhy()];
    await Promise.allSettled(parts); // each tidies up, also when another fails
    await Promise.all(parts);
  },
);

async function allAreUseless(): Promise<void> {
  await using workspace = await Workspace.make();
  await using peers = await startPeers(SCRIPTS.map(([script]) => script));
  const names = [...peers.names, REFUSED, UNKNOWN_HOST];
  const args = ["run", ECHO, "--repeat", String(JOBS), "--workers", names.join(",")];
  const run = await workspace.run(args);
  assert.equal(run.code, 3, run.stderr);
  assert.equal(run.stdout, "", "there is nothing to sum up");
  const [last = "", hint] = run.stderr.trimEnd().split("\n").slice(-2);
  assert.equal(
    hint,
    "is a worker running there? to start one, type there: distcomp worker --listen 1",
  );
  const reasons =
    /^distcomp: No worker can be used: (.*)$/.exec(last)?.[1]?.split(/; (?=[\w.]+:\d+: )/) ?? [];
  assert.equal(reasons.length, names.length, last);
  for (const [index, [, reason]] of SCRIPTS.entries()) {
    assert(reasons[index]?.startsWith(`${names[index]}: `), last);
    assert.match(reasons[index] ?? "", reason);
  }
  assert.equal(reasons.at(-2), `${REFUSED}: connection refused`);
  assert.match(reasons.at(-1) ?? "", /^worker\.invalid:7433: ./);
  assert.deepEqual(await workspace.outputsByNumber(), {});
  assert.deepEqual(await workspace.leftovers(), []);
}

async function theOnlyOneTurnsBad(): Promise<void> {
  await using workspace = await Workspace.make();
  await using peer = await startPeer(leavesAfter(5, coreError("wrong machine")));
  const worker = `127.0.0.1:${peer.port}`;
  const run = await workspace.run(["run", ECHO, "--repeat", String(JOBS), "--workers", worker]);
  assert.equal(run.code, 3, run.stderr);
  assert.match(
    run.stderr,
    new RegExp(`No worker can be used: ${worker}: wrong machine`),
  );
  const outputs = await workspace.outputsByNumber();
  assert.match(run.stdout, new RegExp(`^${Object.keys(outputs).length} of ${JOBS} jobs done`));
  for (const [name, output] of Object.entries(outputs)) assert.equal(output, name);
  const recorded = (await workspace.records()).map(({ input }) => Number(input));
  const numbers = Object.keys(outputs).map(Number);
  const ascending = (one: number, other: number) => one - other;
  assert.deepEqual(recorded.sort(ascending), numbers.sort(ascending));
}

slowTest(
  "a run whose only worker is lost says until when it waits, and Ctrl-C ends it",
  async () => {
    await using workspace = await Workspace.make();
    await using peer = await startPeer(leavesAfter(5, acceptsThenCloses));
    const worker = `127.0.0.1:${peer.port}`;
    const args = ["run", ECHO, "--repeat", String(JOBS), "--workers", worker];
    await using program = await workspace.start(args);
    await program.printed("stderr", WAITS);
    program.signal("SIGINT");
    assert.equal((await program.exited).code, 130, program.stderr);
    assert.match(program.stderr, /^to resume: distcomp run /m);
    assert((await workspace.records()).length > 0);
  },
);

async function jsonSaysWhy(): Promise<void> {
  await using workspace = await Workspace.make();
  const args = ["run", ECHO, "--repeat", "3", "--workers", REFUSED, "--json", "--quiet"];
  const run = await workspace.run(args);
  assert.equal(run.code, 3, run.stderr);
  const summary = JSON.parse(run.stdout);
  assert.equal(summary.error, `No worker can be used: ${REFUSED}: connection refused`);
  assert.equal(summary.jobs, 0);
}

slowTest("one usable worker runs all jobs, however many unusable ones there are", async () => {
  await using workspace = await Workspace.make();
  await using peers = await startPeers(SCRIPTS.map(([script]) => script));
  await using good = await CWorker.start("--slow-ms", 5);
  const workers = [...peers.names, good.address].join(",");
  const run = await workspace.run(["run", ECHO, "--repeat", String(JOBS), "--workers", workers]);
  assert.equal(run.code, 0, run.stderr);
  const names = Array.from({ length: JOBS }, (_, index) => String(index));
  assert.deepEqual(
    await workspace.outputsByNumber(),
    Object.fromEntries(names.map((name) => [name, name])),
  );
  const records = await workspace.records();
  assert.deepEqual(records.map(({ index }) => index), names.map(Number));
  assert(records.every(({ worker }) => worker === good.address));
});

slowTest("a worker that becomes unusable after its last answer does not fail the run", async () => {
  await using workspace = await Workspace.make();
  await using peer = await startPeer(staleAnswers);
  const text = "text ".repeat(200_000); // its output is still being written when the second answer comes
  await workspace.write("in/large", text);
  const run = await workspace.run(["run", ECHO, "in", "--workers", `127.0.0.1:${peer.port}`]);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await workspace.outputs(), { large: text });
});

slowTest(
  "a worker's reason for a failure is one line of limited length in the summary",
  async () => {
    await using workspace = await Workspace.make();
    await using peer = await startPeer(jobErrors(`\u001b[2Jlong\n${"reason ".repeat(9000)}`));
    const args = ["run", ECHO, "--repeat", "25", "--workers", `127.0.0.1:${peer.port}`];
    const run = await workspace.run(args);
    assert.equal(run.code, 1, run.stderr);
    const lines = run.stdout.split("\n");
    assert(lines.every((line) => line.length < 400), "no line is longer");
    // deno-lint-ignore no-control-regex -- that there are none is the point
    assert(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(run.stdout));
    assert.match(run.stdout, /^ {2}\d+ and 24 more +long reason /m);
    const records = await workspace.records();
    const lengths = records.map(({ error = "" }) => error.length);
    assert(
      lengths.every((length) => length > 4_000 && length <= 4_096),
      "the record has 4 KiB of it",
    );
  },
);

/** Echoes some jobs, then closes the connection and every later one. It keeps its port. */
/** Closes its connection after some jobs, and follows another script from then on. */
function leavesAfter(jobs: number, then: Script): Script {
  return (session) => {
    const { socket, statistics } = session;
    if (statistics.jobs >= jobs) return then(session);
    echo()(session);
    socket.on("data", () => {
      if (statistics.jobs >= jobs) socket.end();
    });
  };
}

interface Peers extends AsyncDisposable {
  readonly names: readonly string[];
}

async function startPeers(scripts: readonly Script[]): Promise<Peers> {
  const peers: Peer[] = [];
  for (const script of scripts) peers.push(await startPeer(script));
  return {
    names: peers.map(({ port }) => `127.0.0.1:${port}`),
    async [Symbol.asyncDispose]() {
      for (const peer of peers) await peer.close();
    },
  };
}
