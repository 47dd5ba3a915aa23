/**
 * Lying workers against the real program: `run --listen` with a liar that connects to it, beside honest workers,
 * which do all the work.
 */

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { header, KINDS, OK } from "../fixtures/peers/frames.ts";
import type { PeerHost } from "../fixtures/peers/host.ts";
import { answering, type Peer, startPeer } from "../fixtures/peers/scripted_worker.ts";
import {
  type JobAnswer,
  type Options2,
  ScriptedWorker2,
} from "../fixtures/peers/scripted_worker_2.ts";
import { Keys, outerAddress } from "../lib/connections.ts";
import { core } from "../lib/cores.ts";
import { eventually, type Program, startWorker } from "../lib/processes.ts";
import { programTest, slowTest, test, testUnless } from "../lib/test.ts";
import { Workspace } from "../cli/workspace.ts";
import { keyedHost } from "./keyed_host.ts";

const ECHO = await core("echo");

const OUTER = outerAddress();

const MEBIBYTE = 1024 * 1024;

/** The most slots that a worker can claim. */
const SLOTS_CLAIMED = 2 ** 32 - 1;

/** Wrong, in the right form. */
const WRONG: JobAnswer = { exitCode: 0, output: new TextEncoder().encode("wrong") };

/** Starts a run that waits for workers. */
async function startRun(
  workspace: Workspace,
  jobs: number,
  ...args: string[]
): Promise<[Program, number]> {
  const repeat = ["--repeat", String(jobs), "--listen", "127.0.0.1:0"];
  const run = await workspace.start(["run", ECHO, ...repeat, ...args]);
  const [, port] = await run.printed("stderr", /waiting for workers on .*:(\d+)/);
  return [run, Number(port)];
}

/** Waits for the end of the run: all jobs are done, each with its own output. */
async function assertAllDone(workspace: Workspace, run: Program, jobs: number): Promise<void> {
  const { code } = await run.exited;
  assert.equal(code, 0, run.stdout + run.stderr);
  const expected = Array.from({ length: jobs }, (_, index) => [String(index), String(index)]);
  assert.deepEqual(await workspace.outputsByNumber(), Object.fromEntries(expected));
}

programTest(
  "a worker that claims 2^32 slots and answers nothing but pings does not hold a run",
  async () => {
    await using workspace = await Workspace.make();
    const [run, port] = await startRun(workspace, 300);
    await using _run = run;
    await using liar = await ScriptedWorker2.dialing(port, {
      slots: SLOTS_CLAIMED,
      answerJob: () => "silence",
    });
    await using honest = await ScriptedWorker2.dialing(port, { slots: 2, delayMs: 1 });
    await assertAllDone(workspace, run, 300);
    assert(liar.received.jobs.length > 0);
    assert.deepEqual(honest.complaints, []);
  },
);

programTest(
  "a worker that connects under an honest worker's id does not have that one dismissed",
  async () => {
    await using workspace = await Workspace.make();
    const instance = "00112233445566778899aabbccddeeff";
    const [run, port] = await startRun(workspace, 200);
    await using _run = run;
    await using honest = await ScriptedWorker2.dialing(port, { instance, slots: 2, delayMs: 20 });
    while (honest.received.jobs.length < 4) await delay(10);
    const liars: ScriptedWorker2[] = [];
    for (let count = 0; count < 5; count++) {
      const options: Options2 = { instance, slots: 50, answerJob: () => "silence" };
      liars.push(await ScriptedWorker2.dialing(port, options));
    }
    await assertAllDone(workspace, run, 200);
    assert.equal(
      new Set(honest.received.jobs.map(({ job }) => job)).size,
      200,
      "it has done all jobs",
    );
    assert.doesNotMatch(run.stderr, /lost worker/);
    for (const liar of liars) await liar.close();
  },
);

test("a process that connects twice under one id has one vote of --verify 2", async () => {
  await using workspace = await Workspace.make();
  const [run, port] = await startRun(workspace, 60, "--verify", "2");
  await using _run = run;
  await using liar = await ScriptedWorker2.dialing(port, { slots: 4, answerJob: () => WRONG });
  await liar.dial(port);
  await using one = await ScriptedWorker2.dialing(port, { delayMs: 5 });
  await using other = await ScriptedWorker2.dialing(port, { delayMs: 5 });
  await assertAllDone(workspace, run, 60);
  for (const { complaints } of [one, other]) assert.deepEqual(complaints, []);
});

testUnless(
  OUTER === undefined ? "this machine has no address but loopback" : undefined,
  "a machine that connects twice under two ids has one vote of --verify 2, with a key",
  async () => {
    await using keys = await Keys.make();
    await using workspace = await Workspace.make();
    const key = await keys.create();
    const listen = ["--listen", `${OUTER}:0`, "--key", key];
    const [run, port] = await startRun(workspace, 60, "--verify", "2", ...listen);
    await using _run = run;
    await using workers = new AsyncDisposableStack();
    const connect = async (host: PeerHost, options: Options2) =>
      workers.use(await ScriptedWorker2.dialing(port, options, host));
    const hosts = await Promise.all([0, 1, 2].map(() => keyedHost(key, OUTER as string)));
    const [bad, good, fine] = hosts as [PeerHost, PeerHost, PeerHost];
    const first = await connect(bad, { slots: 4, answerJob: () => WRONG });
    const second = await connect(bad, { slots: 4, answerJob: () => WRONG });
    while (first.received.describes + second.received.describes < 2) await delay(10);
    const one = await connect(good, { delayMs: 5 });
    const other = await connect(fine, { delayMs: 5 });
    await assertAllDone(workspace, run, 60);
    assert(first.received.jobs.length + second.received.jobs.length > 0);
    for (const { complaints } of [one, other]) assert.deepEqual(complaints, []);
  },
);

test("without keys, a run with --verify warns that a process that connects under two ids has two votes", async () => {
  await using workspace = await Workspace.make();
  const [run, port] = await startRun(workspace, 20, "--verify", "2", "--insecure");
  await using _run = run;
  await using one = await ScriptedWorker2.dialing(port, { answerJob: () => WRONG });
  await using other = await ScriptedWorker2.dialing(port, { answerJob: () => WRONG });
  assert.equal((await run.exited).code, 0, run.stderr);
  for (const { received } of [one, other]) assert(received.jobs.length >= 20);
  assert.match(run.stderr, /^warning: without keys, --verify cannot tell/m);
});

/** What a liar reports of jobs. */
const REPORTS: readonly JobAnswer[] = [
  { kind: KINDS.other, text: "no" },
  { kind: KINDS.protocol, text: "I cannot read it" },
  { kind: KINDS.crash, text: "crashed: SIGSEGV" },
  { kind: KINDS.killed, text: "killed: SIGKILL" },
  { kind: KINDS.timeout, text: "killed: longer than 1 s" },
  { kind: KINDS.memory, text: "killed: more than 1 B" },
  { kind: 255, text: "a kind that does not exist" },
  { exitCode: 1, output: new Uint8Array() },
  { exitCode: -(2 ** 31), output: new Uint8Array(1_000) },
];

test("no job fails because a worker reports errors of every kind", async () => {
  await using workspace = await Workspace.make();
  const [run, port] = await startRun(workspace, 150);
  await using _run = run;
  let answered = 0;
  await using liar = await ScriptedWorker2.dialing(port, {
    slots: 4,
    answerJob: () => REPORTS[answered++ % REPORTS.length] as JobAnswer,
  });
  await using one = await ScriptedWorker2.dialing(port, { slots: 2, delayMs: 2 });
  await using other = await ScriptedWorker2.dialing(port, { slots: 2, delayMs: 2 });
  await assertAllDone(workspace, run, 150);
  assert(liar.received.jobs.length > 0);
  for (const { complaints } of [one, other]) assert.deepEqual(complaints, []);
});

programTest(
  "no job is lost because workers leave and come back, each time with other slots",
  async () => {
    await using workspace = await Workspace.make();
    const [run, port] = await startRun(workspace, 200);
    await using _run = run;
    await using honest = await ScriptedWorker2.dialing(port, { slots: 2, delayMs: 10 });
    let hasEnded = false;
    void run.exited.then(() => hasEnded = true);
    for (let count = 0; !hasEnded && count < 50; count++) {
      const slots = count % 2 === 0 ? SLOTS_CLAIMED : 1;
      const answerJob = (): JobAnswer => ({ kind: KINDS.draining, text: "I leave" });
      const liar = await ScriptedWorker2.dialing(port, { slots, answerJob }).catch(() => undefined);
      await delay(20);
      liar?.drain();
      await liar?.close();
    }
    await assertAllDone(workspace, run, 200);
    assert.deepEqual(honest.complaints, []);
  },
);

/** Workers that announce a gibibyte as their answer, send this much of it, and then a byte now and then. */
const LIARS = 24;
const SENT_BYTES = 100 * MEBIBYTE;

/** Without a bound, it would hold LIARS × SENT_BYTES. */
const RESIDENT_BYTES_MAX = 1_200 * MEBIBYTE;

slowTest(
  "workers that announce a gibibyte each and trickle do not fill the memory of a run",
  async () => {
    await using workspace = await Workspace.make();
    const piece = new Uint8Array(MEBIBYTE);
    const script = answering({
      job(session, { id }) {
        session.send(header(OK, id, 2n ** 30n));
        for (let sent = 0; sent < SENT_BYTES; sent += piece.byteLength) session.send(piece);
        const trickle = () => {
          session.send(new Uint8Array(1));
          session.later(100, trickle);
        };
        trickle();
      },
    });
    const liars: Peer[] = [];
    for (let count = 0; count < LIARS; count++) liars.push(await startPeer(script));
    await using honest = await startWorker({ slots: 1 });
    const workers = [...liars, honest].map(({ port }) => `127.0.0.1:${port}`).join(",");
    const run = await workspace.start(["run", ECHO, "--repeat", "500", "--workers", workers]);
    await using _run = run;
    const most = await mostMemoryOf(run);
    await assertAllDone(workspace, run, 500);
    assert(most < RESIDENT_BYTES_MAX, `${Math.round(most / MEBIBYTE)} MiB`);
    for (const liar of liars) await liar.close();
  },
);

/** A run takes less, and a multiple of it would be held without a limit. */
const QUIET_BYTES_MAX = 300 * MEBIBYTE;

slowTest(
  "workers that answer the version exchange with a gibibyte are disconnected by its header",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.writeAll({ "in/a": "sleep 5000" }); // the liars have time to send
    const piece = new Uint8Array(MEBIBYTE);
    let closed = 0;
    const script = answering({
      version(session, { id }) {
        session.socket.once("close", () => closed += 1);
        session.send(header(OK, id, 2n ** 30n));
        for (let sent = 0; sent < SENT_BYTES; sent += piece.byteLength) session.send(piece);
      },
    });
    const liars: Peer[] = [];
    for (let count = 0; count < LIARS; count++) liars.push(await startPeer(script));
    await using honest = await startWorker({ slots: 1 });
    const workers = [...liars, honest].map(({ port }) => `127.0.0.1:${port}`).join(",");
    await using run = await workspace.start([
      "run",
      await core("behave"),
      "in",
      "--workers",
      workers,
    ]);
    const most = await mostMemoryOf(run);
    await eventually("all are disconnected", () => closed >= LIARS);
    for (const liar of liars) await liar.close();
    assert.deepEqual(await workspace.outputs(), { a: "slept" });
    assert(most < QUIET_BYTES_MAX, `${Math.round(most / MEBIBYTE)} MiB`);
  },
);

/** The most memory that a program has until it ends. */
async function mostMemoryOf(program: Program): Promise<number> {
  let most = 0;
  let hasEnded = false;
  void program.exited.then(() => hasEnded = true);
  while (!hasEnded) {
    most = Math.max(most, await program.residentBytes().catch(() => 0));
    await delay(100);
  }
  return most;
}
