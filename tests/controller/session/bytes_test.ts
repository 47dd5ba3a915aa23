/** Inputs and outputs of a session are the caller's own bytes. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { type JobInput, Session } from "../../../mod.ts";
import { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { core } from "../../lib/cores.ts";
import { test } from "../../lib/test.ts";
import { startOwnWorker } from "../../worker/own_worker.ts";
import { decode, encode, sessionWith, soon } from "./sessions.ts";

test("an output has a buffer of its own: transferring it empties no other", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 4 });
  await using session = await sessionWith([worker]);
  const inputs = Array.from({ length: 50 }, (_, index) => Float64Array.of(index, 1, 2));
  const sums: number[] = [];
  for await (const result of session.map(inputs)) {
    assert(result.ok);
    const { output } = result;
    assert.deepEqual([output.byteOffset, output.buffer.byteLength], [0, 24]);
    sums.push(new Float64Array(output.buffer)[0] as number);
    structuredClone(output.buffer, { transfer: [output.buffer] });
    assert.equal(output.byteLength, 0);
  }
  assert.deepEqual(sums, inputs.map(([first]) => first));
});

test("the output of a failed job has a buffer of its own", async () => {
  await using worker = await ScriptedWorker2.start();
  worker.script.answerJob = ({ input }) => ({ exitCode: 3, output: input });
  await using session = await sessionWith([worker]);
  await assert.rejects(session.run(encode("why")), ({ output }) => {
    assert.deepEqual([decode(output), output.buffer.byteLength], ["why", 3]);
    return true;
  });
});

test("an input may change as soon as it is taken: one buffer serves all inputs", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  await using session = await sessionWith([worker]);
  const buffer = new Uint8Array(1);
  function* reused() {
    for (let value = 0; value < 100; value++) {
      buffer[0] = value;
      yield buffer;
    }
  }
  const outputs: unknown[] = [];
  for await (const result of session.map(reused())) {
    outputs.push(result.ok && result.output[0]);
  }
  assert.deepEqual(outputs, Array.from({ length: 100 }, (_, value) => value));
  for (const kind of ["view", "buffer"]) {
    const input = encode("before");
    const run = session.run(kind === "view" ? input : input.buffer);
    input.fill(0);
    assert.equal(decode(await run), "before", kind);
  }
});

test("the bytes of a core may change as soon as a session is given them", async () => {
  const paths = await Promise.all([core("echo"), core("behave")]);
  const [echo, other] = await Promise.all(paths.map((path) => readFile(path)));
  assert(echo && other);
  const fresh = () => {
    const bytes = new Uint8Array(Math.max(echo.length, other.length));
    bytes.set(echo);
    return bytes;
  };
  await using worker = await startOwnWorker();
  const workers = [`127.0.0.1:${worker.port}`];
  const given = [fresh(), fresh(), Buffer.from(fresh())] as const;
  const opening = [
    Session.open({ core: given[0], workers }),
    Session.open({ core: [given[1]], workers }),
  ];
  for (const bytes of given.slice(0, 2)) bytes.set(other);
  await using first = await opening[0] as Session;
  opening.push(first.openCore({ core: given[2] }));
  given[2].set(other);
  for (const session of await Promise.all(opening)) {
    assert.equal(decode(await session.run(encode("pid"))), "pid");
    if (session !== first) await session.close();
  }
});

test("views of all kinds, buffers, blobs and promises of them are inputs", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  const bytes = encode("..abcdefgh..");
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  shared.set(encode("abcdefgh"));
  const inputs: (JobInput | Promise<JobInput>)[] = [
    bytes.subarray(2, 10),
    bytes.slice(2, 10).buffer,
    new DataView(bytes.buffer, 2, 8),
    new Uint16Array(bytes.buffer, 2, 4),
    new Float64Array(bytes.slice(2, 10).buffer),
    new Blob(["abcd", "efgh"]),
    Promise.resolve(encode("abcdefgh")),
    shared,
  ];
  for (const input of inputs) assert.equal(decode(await session.run(input)), "abcdefgh");
  for await (const result of session.map(inputs)) {
    assert.equal(result.ok && decode(result.output), "abcdefgh");
  }
});

test("everything else is refused with a TypeError that says what it is", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  const wrong = [["text", /a string/], [[1, 2], /an Array/], [7, /a number/], [null, /null/]];
  for (const [input, message] of [...wrong, [undefined, /undefined/], [{}, /an object/]]) {
    const isRefused = (error: Error) => {
      assert(error instanceof TypeError);
      assert.match(error.message, message as RegExp);
      return true;
    };
    await assert.rejects(soon(session.run(input as JobInput)), isRefused);
    await assert.rejects(soon(Array.fromAsync(session.map([input as JobInput]))), isRefused);
  }
  for (const inputs of ["text", 7, null, undefined, {}]) {
    assert.throws(() => session.map(inputs as JobInput[]), TypeError);
  }
  assert.equal(session.pending, 0);
});
