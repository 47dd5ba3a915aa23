/** Sessions for values: codecs, and what errors carry. */

import assert from "node:assert/strict";
import { arrayCodec, JobError, jsonCodec, Session, textCodec } from "../../../mod.ts";
import { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { core } from "../../lib/cores.ts";
import { test } from "../../lib/test.ts";
import { encode, sessionWith } from "./sessions.ts";

test("typed arrays, JSON and text go in and out of a typed session", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  const arrays = session.typed(arrayCodec(Float64Array));
  const sent = Float64Array.of(0.5, -1e300).subarray(1);
  assert.deepEqual(await arrays.run(sent), Float64Array.of(-1e300));
  const results = await Array.fromAsync(arrays.map([sent, Promise.resolve(sent)]));
  assert.deepEqual(results.map((result) => result.ok && result.output), [sent, sent]);
  const bytes = session.typed(arrayCodec(Float32Array, Uint8Array));
  assert.deepEqual(await bytes.run(Float32Array.of(0)), new Uint8Array(4));
  const json = session.typed(jsonCodec<{ x: number }, { x: number }>());
  assert.deepEqual(await json.run({ x: 7 }), { x: 7 });
  assert.equal(await session.typed(textCodec).run("grün"), "grün");
});

test("an input of a typed session may change as soon as it is taken", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  const input = Float64Array.of(1, 2);
  const output = session.typed(arrayCodec(Float64Array)).run(input);
  input.fill(100);
  assert.deepEqual(await output, Float64Array.of(1, 2));
});

test("the results of a typed map have the values themselves as inputs", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  const sweep = [{ a: 1 }, { a: 2 }];
  const codec = jsonCodec<{ a: number }, { a: number }>();
  for await (const { input, index } of session.typed(codec).map(sweep)) {
    assert.equal(input, sweep[index]);
  }
});

test("an error of a codec goes to the caller, and ends a map", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  const array = session.typed(arrayCodec(Uint8Array, Float64Array));
  await assert.rejects(
    array.run(new Uint8Array(7)),
    /7 bytes is not a Float64Array.* 8 bytes each/,
  );
  await assert.rejects(Array.fromAsync(array.map([new Uint8Array(7)])), RangeError);
  const other = [1] as unknown as Uint8Array<ArrayBuffer>;
  await assert.rejects(
    array.run(other),
    /^TypeError: An input must be a Uint8Array, not an Array$/,
  );
  const broken = session.typed<number, string>({
    encode: (value) => Promise.reject(new Error(`cannot encode ${value}`)),
    decode: () => "",
  });
  await assert.rejects(Array.fromAsync(broken.map([3])), /cannot encode 3/);
  const undecodable = (reason: () => never | Promise<never>) =>
    session.typed<number, string>({ encode: (value) => Uint8Array.of(value), decode: reason });
  const reasons = [
    () => Promise.reject(new Error("cannot decode")),
    () => {
      throw new Error("cannot decode");
    },
  ];
  for (const reason of reasons) {
    const map = undecodable(reason).map([1, 2, 3]);
    await assert.rejects(map.next(), /cannot decode/);
    assert.deepEqual(await map.next(), { done: true, value: undefined });
  }
  assert.equal(session.pending, 0);
});

test("text keeps its byte order mark, and what is no text or no JSON is a TypeError instead of an empty input", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  const [text, json] = [session.typed(textCodec), session.typed(jsonCodec<unknown, unknown>())];
  assert.equal(await text.run("\ufeffmarked"), "\ufeffmarked");
  for (const codec of [textCodec, jsonCodec()]) {
    const latin1 = Uint8Array.of(0x22, 0xfc, 0x22);
    assert.throws(
      () => codec.decode(latin1),
      TypeError,
      "bytes that are no UTF-8 are not replaced",
    );
  }
  for (const wrong of [undefined, 5, null]) {
    await assert.rejects(
      text.run(wrong as unknown as string),
      /^TypeError: An input must be a str/,
    );
  }
  for (const wrong of [undefined, () => 1, Symbol("x")]) {
    await assert.rejects(
      json.run(wrong),
      /^TypeError: An input must be a value that JSON has, not /,
    );
  }
  await assert.rejects(text.run("a").then(() => json.run(1n)), TypeError);
  assert.equal(worker.received.jobs.length, 2);
});

test("a JobError says how often and where the job was tried, and what it printed", async () => {
  await using session = await Session.open({ core: await core("behave"), slots: 1, retries: 1 });
  await assert.rejects(session.run(encode("code 3 why")), (error) => {
    assert(error instanceof JobError);
    const { kind, attempts, workers, exitCode, lastLines } = error;
    assert.deepEqual({ kind, attempts, workers, exitCode, lastLines }, {
      kind: "exit",
      attempts: 2,
      workers: ["this machine"],
      exitCode: 3,
      lastLines: [],
    });
    return true;
  });
  await assert.rejects(session.run(encode("assert")), (error) => {
    assert(error instanceof JobError);
    assert.deepEqual([error.kind, error.attempts, error.exitCode], ["crash", 3, undefined]);
    assert.match(error.lastLines.join("\n"), /Assertion/i);
    return true;
  });
});
