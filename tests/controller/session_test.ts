/** The library: sessions with given workers, and with a local worker. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { after } from "node:test";
import { promisify } from "node:util";
import {
  AddressError,
  CoreFileError,
  JobError,
  NoWorkerError,
  Session,
  WorkerServer,
} from "../../mod.ts";
import { coreError, echo, startPeer } from "../fixtures/peers/scripted_worker.ts";
import { Gate } from "../cli/gate.ts";
import { Workspace } from "../cli/workspace.ts";
import { ScriptedWorker2 } from "../fixtures/peers/scripted_worker_2.ts";
import { core, coreBytes } from "../lib/cores.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { soon } from "./session/sessions.ts";

/** One for all tests that leave its slots as they were: each takes a worker and two slots to start. */
const behaving = await Session.open({ core: await core("behave"), slots: 2 });
after(() => behaving.close());

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function* numbers(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield encode(`echo ${index}`);
}

test("a session with a worker of its own gives results in the order of the inputs", async () => {
  const outputs: string[] = [];
  for await (const result of behaving.map(numbers(3000))) {
    assert.ok(result.ok);
    assert.equal(result.index, outputs.length);
    outputs.push(decode(result.output));
  }
  assert.deepEqual(outputs, Array.from({ length: 3000 }, (_, index) => String(index)));
});

test("unordered results come as jobs finish, and all of them come", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  const inputs = [gate.job, "echo a", "echo b", "echo c"].map(encode);
  const order: number[] = [];
  for await (const { index } of behaving.map(inputs, { ordered: false })) {
    order.push(index);
    if (order.length === 3) await gate.open();
  }
  assert.equal(order.at(-1), 0);
  assert.deepEqual(order.toSorted(), [0, 1, 2, 3]);
});

test("a failed job is a result with its exit code and output, or its reason", async () => {
  const results = [];
  for await (const result of behaving.map(["code 3 why", "crash", "echo on"].map(encode))) {
    results.push(result);
  }
  const [coded, crashed, fine] = results;
  assert.ok(coded && !coded.ok && coded.error instanceof JobError);
  assert.equal(coded.error.exitCode, 3);
  assert.equal(decode(coded.error.output), "why");
  assert.ok(crashed && !crashed.ok);
  assert.match(crashed.error.message, /SIGSEGV/);
  assert.ok(fine?.ok);
});

test("a failure has its kind, and a session limits time and crashes", async () => {
  await using session = await Session.open({
    core: await core("behave"),
    slots: 1,
    timeoutMs: 300,
    crashLimit: 1,
  });
  const kinds: string[] = [];
  for (const input of ["sleep 60000", "crash", "code 3"]) {
    await session.run(encode(input)).catch((error: JobError) => kinds.push(error.kind));
  }
  assert.deepEqual(kinds, ["timeout", "crash", "exit"]);
});

test("run resolves to the output, and rejects with a JobError", async () => {
  assert.equal(decode(await behaving.run(encode("echo hi"))), "hi");
  await assert.rejects(behaving.run(encode("code -7")), (error: JobError) => error.exitCode === -7);
});

test("a session sends a core from memory to workers of other processes", async () => {
  await using first = await WorkerServer.listen("127.0.0.1:0", { slots: 1 });
  await using second = await WorkerServer.listen("127.0.0.1:0", { slots: 1 });
  await using session = await Session.open({
    core: await coreBytes("behave"),
    workers: [first.address, second.address],
  });
  const pids = new Set<string>();
  await eventually("both workers run jobs", async () => {
    for await (const result of session.map(repeat("pid", 64))) {
      assert.ok(result.ok);
      pids.add(decode(result.output));
    }
    return pids.size === 2;
  });
});

test("inputs are taken only as fast as results", async () => {
  await using session = await Session.open({ core: await core("echo"), slots: 2 });
  let taken = 0;
  function* endless() {
    for (;; taken++) yield encode(String(taken));
  }
  for await (const { index } of session.map(endless())) if (index === 10) break;
  assert.ok(taken < 100_000, `${taken} inputs were taken for 11 results`);
});

test("an error of the inputs ends the iteration", async () => {
  await using session = await Session.open({ core: await core("echo"), slots: 1 });
  function* broken() {
    yield encode("fine");
    throw new Error("no more paper");
  }
  await assert.rejects(Array.fromAsync(session.map(broken())), /no more paper/);
});

test("several maps and runs share a session", async () => {
  const all = await Promise.all([
    Array.fromAsync(behaving.map(numbers(500))),
    Array.fromAsync(behaving.map(numbers(300), { ordered: false })),
    behaving.run(encode("echo one")),
  ]);
  assert.deepEqual([all[0].length, all[1].length, decode(all[2])], [500, 300, "one"]);
});

test("a session without a usable worker rejects its jobs with the reason", async () => {
  await using session = await Session.open({ core: await core("init_refuses"), slots: 1 });
  await assert.rejects(session.run(encode("x")), (error: Error) => {
    assert.ok(error instanceof NoWorkerError);
    assert.match(error.message, /worker_init returned 7/);
    return true;
  });
});

test("a session with a wrong core or a wrong address is refused at once", async () => {
  await assert.rejects(Session.open({ core: "/nowhere/core.so" }), CoreFileError);
  const echo = await core("echo");
  await assert.rejects(Session.open({ core: echo, workers: ["a:b"] }), AddressError);
});

test("a program ends once its session is closed, even if a worker was to be tried again", async () => {
  await using useless = await startPeer(coreError("built for another machine"));
  await using good = await startPeer(echo());
  const workers = [useless, good].map(({ port }) => `127.0.0.1:${port}`);
  const program = `
    import process from "node:process";
    import { setTimeout } from "node:timers";
    import { Session } from ${JSON.stringify(new URL("../../mod.ts", import.meta.url).href)};
    const workers = ${JSON.stringify(workers)};
    let isTold = false;
    const log = { info() {}, printed() {}, warn: () => isTold = true };
    const session = await Session.open({ core: new Uint8Array(1), workers, log });
    const inputs = Array.from({ length: 50 }, () => new Uint8Array(1));
    while (!isTold) await Array.fromAsync(session.map(inputs));
    await session.close();
    setTimeout(() => process.exit(9), 10_000).unref(); // unless nothing keeps it
  `;
  const args = process.versions.bun ? ["-e", program] : ["eval", "--quiet", program];
  await promisify(execFile)(process.execPath, args);
});

test("a session gives the core variables and files", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("tables/one", "some text");
  const env = { DC_TEST_LEVEL: "7" };
  await using level = await Session.open({ core: await core("reads_level"), slots: 1, env });
  assert.equal(decode(await level.run(encode(""))), "7 7 7");
  const beside = [workspace.at("tables")];
  await using tables = await Session.open({ core: await core("beside"), slots: 1, with: beside });
  assert.equal(decode(await tables.run(encode("read tables/one"))), "some text");
  const content = await coreBytes("beside");
  await assert.rejects(Session.open({ core: content, with: beside }), TypeError);
  await assert.rejects(
    Session.open({ core: content, env: { DISTCOMP_SLOT: "1" } }),
    /DISTCOMP_SLOT cannot be set/,
  );
});

test("a session counts the jobs that have not ended", async () => {
  await using worker = await ScriptedWorker2.start();
  const workers = [`127.0.0.1:${worker.port}`];
  await using session = await Session.open({ core: new Uint8Array(1), workers });
  worker.hold();
  const all = Promise.all([encode("a"), encode("b")].map((input) => session.run(input)));
  await eventually("they were submitted", () => session.pending === 2);
  worker.release();
  await all;
  assert.equal(session.pending, 0);
});

test("a straggler of a map is copied to an idle worker once all inputs are taken", async () => {
  await using one = await ScriptedWorker2.start();
  await using other = await ScriptedWorker2.start();
  for (const worker of [one, other]) {
    worker.script.answerJob = ({ input, attempt }) =>
      decode(input) === "echo 0" && attempt === undefined ? "silence" : "echo";
  }
  const workers = [one, other].map(({ port }) => `127.0.0.1:${port}`);
  await using session = await Session.open({ core: new Uint8Array(1), workers });
  const results = await soon(Array.fromAsync(session.map(numbers(20))));
  assert.equal(results.filter(({ ok }) => ok).length, 20);
  const sent = [one, other].flatMap(({ received }) => received.jobs);
  const copies = sent.filter(({ input }) => decode(input) === "echo 0");
  assert(copies.length >= 2, "the first one was never answered");
});

test("a job of a session that is closed is rejected at once", async () => {
  await using worker = await ScriptedWorker2.start();
  const workers = [`127.0.0.1:${worker.port}`];
  const session = await Session.open({ core: new Uint8Array(1), workers });
  await session.close();
  await assert.rejects(soon(session.run(encode("too late"))), /session is closed/);
  await assert.rejects(soon(Array.fromAsync(session.map(numbers(3)))), /session is closed/);
  assert.equal(session.pending, 0);
});

test("closing a session rejects the jobs that have not finished", async () => {
  const session = await Session.open({ core: await core("behave"), slots: 1 });
  const running = session.run(encode("sleep 60000"));
  const outcome = assert.rejects(running, /session is closed/);
  await session.close();
  await outcome;
});

function repeat(text: string, times: number): Uint8Array[] {
  return Array.from({ length: times }, () => encode(text));
}
