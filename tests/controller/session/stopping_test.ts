/** Canceling jobs, closing a session, and forgetting to close it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { getEventListeners } from "node:events";
import process from "node:process";
import { promisify } from "node:util";
import { JobError, SessionClosedError } from "../../../mod.ts";
import { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { core } from "../../lib/cores.ts";
import { eventually } from "../../lib/processes.ts";
import { nextTurn } from "../../../runtime/clock.ts";
import { test } from "../../lib/test.ts";
import { closedAtOnce, decode, encode, sessionWith, soon } from "./sessions.ts";

test("a job is canceled by its signal: one that runs is ended, one that waits is taken back", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 1 });
  worker.script.answerJob = () => "silence";
  await using session = await sessionWith([worker]);
  await using _atOnce = closedAtOnce(session);
  const stop = new AbortController();
  const runs = ["runs", "waits", "waits"].map((text) => {
    return assert.rejects(session.run(encode(text), { signal: stop.signal }), /no longer/);
  });
  const never = session.run(new Promise<never>(() => {}), { signal: stop.signal });
  runs.push(assert.rejects(never, /no longer/));
  await eventually("the first one was sent", () => worker.received.jobs.length > 0);
  stop.abort(new Error("no longer needed"));
  await soon(Promise.all(runs));
  assert.equal(session.pending, 0);
  const sent = worker.received.jobs.length;
  await eventually("it was canceled", () => worker.received.cancels.length === sent);
  await assert.rejects(session.run(encode("late"), { signal: stop.signal }), /no longer/);
  assert.equal(worker.received.jobs.length, sent);
});

test("a job leaves no listener on its signal, whether it succeeds or fails", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  const { signal } = new AbortController(); // of a server, for many requests
  const inputs = [encode("a"), Promise.resolve(encode("b"))];
  for (const input of inputs) await session.run(input, { signal });
  worker.script.answerJob = () => ({ exitCode: 1, output: encode("no") });
  await assert.rejects(session.run(encode("c"), { signal }), JobError);
  assert.deepEqual(getEventListeners(signal, "abort"), []);
});

test("closing a session ends its maps at once, also one whose source has nothing", async () => {
  await using worker = await ScriptedWorker2.start();
  const session = await sessionWith([worker]);
  async function* idle(): AsyncGenerator<Uint8Array> {
    await new Promise<never>(() => {});
    yield encode("never");
  }
  const next = session.map(idle()).next();
  await soon(session.close());
  await assert.rejects(soon(next), SessionClosedError);
  await assert.rejects(soon(session.run(encode("late"))), SessionClosedError);
  await assert.rejects(soon(session.map([encode("late")]).next()), SessionClosedError);
  await assert.rejects(soon(session.ready()), SessionClosedError);
});

test("closing with drain finishes what the session has taken, and takes no more", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  const session = await sessionWith([worker]);
  worker.hold();
  const input = Promise.withResolvers<Uint8Array>();
  const runs = [session.run(encode("a")), session.run(input.promise)];
  let taken = 0;
  function* endless() {
    for (;;) yield Uint8Array.of(taken++);
  }
  const results: number[] = [];
  const map = assert.rejects(async () => {
    for await (const { index } of session.map(endless(), { ahead: 5 })) results.push(index);
  }, SessionClosedError);
  await eventually("the map has taken inputs", () => taken >= 5);
  const closed = session.close({ drain: true });
  await assert.rejects(session.run(encode("late")), SessionClosedError);
  input.resolve(encode("b"));
  worker.release();
  await soon(closed);
  assert.deepEqual((await Promise.all(runs)).map(decode), ["a", "b"]);
  await soon(map);
  assert.deepEqual(results, Array.from({ length: taken }, (_, index) => index));
});

test("closing with drain keeps the results of a map that the caller has yet to take", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  const session = await sessionWith([worker]);
  const inputs = Array.from({ length: 8 }, (_, index) => Uint8Array.of(index));
  const whole = session.map(inputs);
  const results = [await soon(whole.next())];
  function* endless() {
    for (let index = 0;; index++) yield Uint8Array.of(index);
  }
  const cut = session.map(endless(), { ahead: 4 });
  assert.deepEqual((await soon(cut.next())).value?.index, 0);
  await eventually("all have ended", () => session.stats().succeeded >= 8 + 5);
  await soon(session.close({ drain: true }));
  const { workers, slots, inFlight } = session.stats();
  assert.deepEqual({ workers, slots, inFlight }, { workers: [], slots: 0, inFlight: 0 });
  for (let step = results[0]; !step?.done; results.push(step)) step = await soon(whole.next());
  assert.deepEqual(results.slice(0, -1).map(({ value }) => value?.index), [...inputs.keys()]);
  const rest: number[] = [];
  await assert.rejects(async () => {
    for await (const { index } of cut) rest.push(index);
  }, SessionClosedError);
  assert.deepEqual(rest, [1, 2, 3, 4]);
});

test("a signal cancels a job whose input has just come, and whose job has yet to be sent", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  for (let turns = 0; turns < 6; turns++) {
    const stop = new AbortController();
    const run = session.run(Promise.resolve(encode("a")), { signal: stop.signal });
    const end = run.then(() => "it has ended", ({ message }) => message);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    stop.abort(new Error("no longer"));
    assert.equal(await soon(end), "no longer", `${turns} turns`);
  }
});

test("an input that fails is no unhandled error where its job cannot run", async () => {
  await using worker = await ScriptedWorker2.start();
  const session = await sessionWith([worker]);
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);
  process.on("unhandledRejection", note);
  try {
    const { signal } = closedSignal();
    const fails = () => Promise.reject(new Error("no input"));
    const typed = session.typed<number, unknown>({ encode: fails, decode: () => 0 });
    await assert.rejects(session.run(fails(), { signal }), /aborted first/);
    await assert.rejects(typed.run(1, { priority: 1000 }), RangeError);
    await session.close();
    await assert.rejects(session.run(fails()), SessionClosedError);
    await assert.rejects(typed.run(Promise.resolve(1)), SessionClosedError);
    await nextTurn();
    await nextTurn();
    assert.deepEqual(unhandled, []);
  } finally {
    process.off("unhandledRejection", note);
  }
});

test("closing with drain waits for an input that is yet to come", async () => {
  await using worker = await ScriptedWorker2.start();
  const session = await sessionWith([worker]);
  const input = Promise.withResolvers<Uint8Array>();
  const run = session.run(input.promise);
  const closed = session.close({ drain: true });
  await session.ready().catch(() => {}); // it is closing by now
  input.resolve(encode("late"));
  assert.equal(decode(await soon(run)), "late");
  await soon(closed);
});

test("closing does not wait for an input that never comes, also beside closing with drain", async () => {
  await using worker = await ScriptedWorker2.start();
  const session = await sessionWith([worker]);
  const run = session.run(new Promise<Uint8Array>(() => {}));
  const drained = session.close({ drain: true });
  await session.ready().catch(() => {}); // it is closing by now
  const closed = session.close();
  await assert.rejects(soon(run), SessionClosedError);
  await soon(closed);
  await soon(drained);
});

test("a session that is closed twice is closed for both at the same time", async () => {
  await using worker = await ScriptedWorker2.start();
  const session = await sessionWith([worker]);
  const closed: number[] = [];
  const closings = [1, 2].map((number) => session.close().then(() => closed.push(number)));
  await soon(Promise.all(closings));
  assert.deepEqual(closed, [1, 2], "the second one has waited");
});

test("a job that is returned without waiting finishes before its session is disposed of", async () => {
  await using worker = await ScriptedWorker2.start({ delayMs: 20 });
  const run = async () => {
    await using session = await sessionWith([worker]);
    return session.run(encode("result"));
  };
  assert.equal(decode(await soon(run())), "result");
});

test("a program that forgets to close its session ends all the same, and not before its jobs", async () => {
  await using worker = await ScriptedWorker2.start({ delayMs: 300 });
  const echo = await core("echo");
  const program = `
    import { Session } from ${JSON.stringify(new URL("../../../mod.ts", import.meta.url).href)};
    const [core, workers] = ${JSON.stringify([echo, [`127.0.0.1:${worker.port}`]])};
    for (const place of [{ slots: 1 }, { workers }]) {
      const session = await Session.open({ core, ...place });
      console.log((await session.run(new Uint8Array(3))).byteLength);
    }
  `;
  const args = process.versions.bun ? ["-e", program] : ["eval", "--quiet", program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  assert.equal(stdout, "3\n3\n");
});

function closedSignal(): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.abort(new Error("aborted first")) };
}
