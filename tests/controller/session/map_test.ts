/** A map: how inputs are taken, how results come, and how it ends. */

import assert from "node:assert/strict";
import { Results } from "../../../controller/session/results.ts";
import { nextTurn } from "../../../runtime/clock.ts";
import { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";
import { closedAtOnce, decode, encode, sessionWith, soon } from "./sessions.ts";

test("there is no room for inputs while 1,024 results, or 64 MiB of them, wait to be taken", () => {
  const many = new Results<number>(true);
  for (let place = 0; place < 1023; place++) many.add(place, place, 1);
  assert(many.hasRoom);
  many.add(1023, 1023, 1);
  assert(!many.hasRoom);
  assert.equal(many.take(), 0);
  assert(many.hasRoom);
  const large = new Results<string>(false);
  large.add(7, "first", 64 * 1024 * 1024);
  assert(!large.hasRoom);
  assert.equal(large.take(), "first");
  assert(large.hasRoom);
});

test("a result has its input and index, in order or as jobs end", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  worker.script.answerJob = ({ input }) => input[0] === 1 ? { kind: 1, text: "bad" } : "echo";
  await using session = await sessionWith([worker]);
  const inputs = [0, 1, 2].map((value) => Uint8Array.of(value));
  for (const ordered of [true, false]) {
    const results = await Array.fromAsync(session.map(inputs, { ordered }));
    results.sort((one, other) => one.index - other.index);
    assert.deepEqual(results.map(({ index, ok }) => [index, ok]), [[0, true], [1, false], [
      2,
      true,
    ]]);
    for (const { index, input } of results) assert.equal(input, inputs[index]);
  }
});

test("no more inputs are ahead of the caller than `ahead` says", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 8 });
  await using session = await sessionWith([worker]);
  let taken = 0;
  function* endless() {
    for (;; taken++) yield encode(String(taken));
  }
  for await (const { index } of session.map(endless(), { ahead: 3 })) {
    assert(taken <= index + 3, `${taken + 1} inputs were taken for ${index + 1} results`);
    if (index === 10) {
      await eventually("as many are taken as may be", () => taken >= index + 3);
      for (let turn = 0; turn < 20; turn++) await nextTurn();
      assert.equal(taken, index + 3);
    }
    if (index === 40) break;
  }
  assert(taken >= 41);
});

test("inputs of results that nobody has taken count among the bytes that wait", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 8 });
  worker.script.answerJob = () => ({ exitCode: 0, output: new Uint8Array(1) });
  await using session = await sessionWith([worker]);
  await using _atOnce = closedAtOnce(session);
  const input = new Uint8Array(16 * 1024 * 1024);
  let taken = 0;
  function* endless() {
    for (;; taken++) yield input;
  }
  const results = session.map(endless());
  await soon(results.next());
  const { pending } = await eventually("all that were taken have ended", () => {
    const stats = session.stats();
    return stats.succeeded >= 5 && stats.pending === 0 && stats;
  });
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  assert.deepEqual({ pending, now: session.pending }, { pending: 0, now: 0 });
  assert(taken < 20, `${taken} inputs were taken`);
  await results.return();
});

test("a map leaves no listener on its signal, however it ends", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener);
  signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener);
  const inputs = [1, 2, 3].map((value) => Uint8Array.of(value));
  for await (const _ of session.map(inputs, { signal })) assert.equal(listeners.size, 1);
  assert.equal(listeners.size, 0);
  for await (const _ of session.map(inputs, { signal })) break;
  assert.equal(listeners.size, 0);
});

test("leaving a map returns at once, and ends its source and its jobs", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  await using session = await sessionWith([worker]);
  await using _atOnce = closedAtOnce(session);
  worker.script.answerJob = ({ input }) => input[0] === 0 ? "echo" : "silence";
  const left: string[] = [];
  async function* stuck() {
    try {
      for (let value = 0; value < 4; value++) yield Uint8Array.of(value);
      await new Promise<never>(() => {});
    } finally {
      left.push("a generator cannot be told while it waits");
    }
  }
  const source = {
    [Symbol.asyncIterator]: () => ({
      ...withNext(stuck()),
      return: () => {
        left.push("told");
        return new Promise<IteratorResult<Uint8Array>>(() => {}); // and never answers
      },
    }),
  };
  const begun = Promise.withResolvers<void>();
  const loop = (async () => {
    for await (const { index } of session.map(source)) {
      assert.equal(index, 0);
      await eventually("the jobs were sent", () => worker.received.jobs.length >= 3);
      begun.resolve();
      break;
    }
  })();
  await begun.promise;
  await soon(loop);
  assert.deepEqual(left, ["told"]);
  assert.equal(session.pending, 0);
  const running = worker.received.jobs.length - 1;
  await eventually("the worker is told", () => worker.received.cancels.length === running);
  assert.equal(session.stats().canceled, 3);
});

test("a map can be left while the caller waits for its next result", async () => {
  await using worker = await ScriptedWorker2.start();
  worker.script.answerJob = () => "silence";
  await using session = await sessionWith([worker]);
  await using _atOnce = closedAtOnce(session);
  const map = session.map([encode("a")]);
  const next = map.next();
  await eventually("the job was sent", () => worker.received.jobs.length === 1);
  assert.deepEqual(await soon(map.return()), { done: true, value: undefined });
  assert.deepEqual(await soon(next), { done: true, value: undefined });
});

test("a stream of inputs is canceled when its map is left, also while it has nothing", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  const canceled = Promise.withResolvers<void>();
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encode("only")),
    cancel: () => canceled.resolve(),
  });
  for await (const result of session.map(stream)) {
    assert.equal(result.ok && decode(result.output), "only");
    break;
  }
  await soon(canceled.promise);
});

test("a map that is aborted throws the signal's reason at once, and cancels its jobs", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  worker.script.answerJob = () => "silence";
  await using session = await sessionWith([worker]);
  await using _atOnce = closedAtOnce(session);
  const stop = new AbortController();
  const next = session.map([encode("a"), encode("b")], { signal: stop.signal }).next();
  await eventually("the jobs were sent", () => worker.received.jobs.length === 2);
  stop.abort(new Error("enough"));
  await assert.rejects(soon(next), /enough/);
  assert.equal(session.pending, 0);
  await eventually("the worker was told to cancel", () => worker.received.cancels.length === 2);
  const late = session.map([encode("a")], { signal: stop.signal });
  await assert.rejects(soon(late.next()), /enough/);
  assert.deepEqual(await late.next(), { done: true, value: undefined });
});

test("an error of the source comes after the results of the inputs before it", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2, delayMs: 5 });
  await using session = await sessionWith([worker]);
  function* broken() {
    for (let value = 0; value < 5; value++) yield Uint8Array.of(value);
    throw new Error("no more paper");
  }
  const indexes: number[] = [];
  await assert.rejects(async () => {
    for await (const { index } of session.map(broken())) indexes.push(index);
  }, /no more paper/);
  assert.deepEqual(indexes, [0, 1, 2, 3, 4]);
});

test("of two errors the first one ends a map: its source has failed, and then its session is closed", async () => {
  await using worker = await ScriptedWorker2.start();
  const session = await sessionWith([worker]);
  worker.hold();
  let hasFailed = false;
  function* broken() {
    yield encode("a");
    hasFailed = true;
    throw new Error("no more paper");
  }
  const map = session.map(broken());
  const results = [map.next(), map.next(), map.next()];
  const [first, ...ends] = results.map((result) => result.catch(({ message }) => message));
  await eventually("the source has failed", () => hasFailed);
  const closed = session.close({ drain: true });
  worker.release();
  await soon(closed);
  assert.equal((await soon(first!)).value?.index, 0);
  assert.deepEqual(await soon(Promise.all(ends)), [
    "no more paper",
    { done: true, value: undefined },
  ]);
});

function withNext(generator: AsyncGenerator<Uint8Array, void, void>) {
  return { next: () => generator.next() };
}
