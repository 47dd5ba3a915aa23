/** Options are checked: a wrong one is an error at once, and `undefined` is the default. */

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { AddressError, CoreFileError, Session, type SessionOptions } from "../../../mod.ts";
import { CORE_FUNCTIONS } from "../../../core/inspect.ts";
import { sha256Of } from "../../../system/sha256.ts";
import { elfFile } from "../../core/elf_file.ts";
import { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { core } from "../../lib/cores.ts";
import { test } from "../../lib/test.ts";
import { decode, encode, sessionWith } from "./sessions.ts";

const CORE = new Uint8Array(1);

test("a number out of range is a RangeError with the option and the value", async () => {
  const wrong: [keyof SessionOptions, unknown, RegExp][] = [
    ["slots", -1, /slots must be a whole number from 1 to 65536, not -1/],
    ["slots", 0, /not 0/],
    ["threads", 1.5, /threads must be .*, not 1.5/],
    ["retries", 1e21, /retries must be a whole number from 0 to 9007199254740991, not 1e\+21/],
    ["retries", NaN, /retries must be a whole number of at least 0, not NaN/],
    ["retries", "3", /not "3"/],
    ["crashLimit", 0, /crashLimit must be a whole number of at least 1, not 0/],
    ["timeoutMs", -5, /timeoutMs .*, not -5/],
    ["timeoutMs", Infinity, /not Infinity/],
    ["memoryBytes", null, /memoryBytes .*, not null/],
    ["memoryBytes", 5_000_000, /memoryBytes must be 0 or at least 67108864, .*, not 5000000/],
    ["initMs", 0, /initMs/],
    ["connectMs", 2 ** 40, /connectMs must be a whole number from 0 to 2147483647/],
    ["env", { "1a": "x" }, /env cannot be used: "1a" is not the name of a variable/],
    ["env", { DISTCOMP_SLOT: "1" }, /env cannot be used: .*DISTCOMP_SLOT cannot be set/],
    ["env", { A: "a\0b" }, /zero byte/],
    ["whenNoWorker", "cry", /whenNoWorker must be "fail" or "wait", not "cry"/],
  ];
  for (const [name, value, message] of wrong) {
    await assert.rejects(Session.open({ core: CORE, [name]: value } as SessionOptions), (error) => {
      assert(error instanceof RangeError, `${name}: ${error}`);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("a value of a wrong type, and a name that is no option, are TypeErrors", async () => {
  const wrong: [string, unknown, RegExp][] = [
    ["core", 7, /core must be a path, a URL or a Uint8Array, not a number/],
    ["core", undefined, /not undefined/],
    ["core", [], /core must name a file, and is empty/],
    ["core", ["a.so", 7], /not a number/],
    ["core", new URL("http://a/core.so"), /a URL of a file, not http/],
    ["workers", "node1", /workers must be an array of strings, not "node1"/],
    ["env", { LEVEL: 7 }, /env\.LEVEL must be a string, not 7/],
    ["with", ["a"], /only if the core is a file/],
    ["insecure", "yes", /insecure must be a boolean/],
    ["worker", { command: "distcomp" }, /worker.command must be an array/],
    ["worker", { comand: [] }, /no option comand of worker; there are command/],
    ["log", {}, /log must have a function info/],
    ["timeout", 5, /There is no option timeout of a session; there are core, /],
  ];
  for (const [name, value, message] of wrong) {
    await assert.rejects(
      Session.open({ core: CORE, [name]: value } as unknown as SessionOptions),
      (error) => {
        assert(error instanceof TypeError, `${name}: ${error}`);
        assert.match(error.message, message);
        return true;
      },
    );
  }
  await assert.rejects(Session.open(undefined as unknown as SessionOptions), TypeError);
});

test("the options of `run` and `map` are checked before anything is sent", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  const input = encode("a");
  await assert.rejects(session.run(input, { timeoutMs: NaN }), RangeError);
  await assert.rejects(session.run(input, { memoryBytes: 64 * 1024 ** 2 - 1 }), RangeError);
  await assert.rejects(session.run(input, { priority: 101 }), /from -100 to 100, not 101/);
  await assert.rejects(session.run(input, { signal: {} as AbortSignal }), TypeError);
  assert.throws(() => session.map([input], { ahead: 0 }), /ahead must be .* at least 1, not 0/);
  assert.throws(() => session.map([input], { ordered: "no" as unknown as boolean }), TypeError);
  assert.throws(() => session.map([input], { order: false } as object), /no option order of a job/);
  assert.equal(worker.received.jobs.length, 0);
});

test("what is no event, no listener and no option of `close` is a TypeError", async () => {
  await using worker = await ScriptedWorker2.start();
  await using session = await sessionWith([worker]);
  const event = "workerLost" as "workerLeft";
  assert.throws(
    () => session.on(event, () => {}),
    /no event workerLost .*; there are workerJoined, /,
  );
  const listener = "no" as unknown as () => void;
  assert.throws(() => session.on("workerLeft", listener), /must be a function, not a string/);
  await assert.rejects(session.close({ drian: true } as object), /no option drian of close/);
  await assert.rejects(session.close({ drain: 1 as unknown as boolean }), TypeError);
  assert.equal(session.pending, 0);
  await session.run(encode("it is still open"));
});

test("`undefined` is the default of every option, and limits of a job are its own", async () => {
  const [little, more] = [64 * 1024 ** 2, 10 ** 9];
  await using worker = await ScriptedWorker2.start();
  const names = ["env", "with", "retries", "crashLimit", "initMs", "key", "insecure"];
  names.push(
    "compress",
    "whenNoWorker",
    "connectMs",
    "slots",
    "threads",
    "workdir",
    "worker",
    "log",
  );
  const options = Object.fromEntries(names.map((name) => [name, undefined]));
  await using session = await sessionWith([worker], {
    ...options,
    timeoutMs: 7_000,
    memoryBytes: more,
  });
  await session.run(encode("a"), { signal: undefined, priority: undefined, timeoutMs: undefined });
  await session.run(encode("b"), { timeoutMs: 5_000, memoryBytes: little });
  await session.run(encode("c"), { timeoutMs: 5_000 });
  await session.run(encode("d"), { memoryBytes: little });
  await session.run(encode("e"), { timeoutMs: 0, memoryBytes: 0 });
  const limits = worker.received.jobs.map(({ input, timeMs, memoryBytes }) => {
    return [decode(input), timeMs, memoryBytes];
  });
  assert.deepEqual(limits, [
    ["a", 7_000n, BigInt(more)],
    ["b", 5_000n, BigInt(little)],
    ["c", 5_000n, BigInt(more)],
    ["d", 7_000n, BigInt(little)],
    ["e", undefined, undefined],
  ]);
});

test("a core is a path, a URL or its bytes; one that is none is refused", async () => {
  await using worker = await ScriptedWorker2.start();
  const path = await core("echo");
  for (const file of [path, pathToFileURL(path)]) {
    await using session = await sessionWith([worker], { core: file });
    assert.equal(decode(await session.run(encode("a"))), "a");
  }
  await assert.rejects(sessionWith([worker], { core: "/nowhere/core.so" }), CoreFileError);
  await assert.rejects(Session.open({ core: CORE, workers: ["a:b"] }), AddressError);
  await assert.rejects(Session.open({ core: CORE, workers: ["a:0"] }), (error: Error) => {
    assert(error instanceof AddressError, `${error}`);
    assert.match(error.message, /"a:0": no worker is at port 0/);
    return true;
  });
});

test("an array of cores gives each worker the one that fits it", async () => {
  await using worker = await ScriptedWorker2.start({ platform: "linux-aarch64" });
  const shape = { isWide: true, isLittleEndian: true, defined: CORE_FUNCTIONS };
  const cores = [0x3e, 0xb7].map((machine) => elfFile({ ...shape, machine }));
  await using session = await sessionWith([worker], { core: cores });
  assert.equal(decode(await session.run(encode("a"))), "a");
  const [job] = worker.received.jobs;
  assert.equal(job?.core, sha256Of(cores[1] as Uint8Array));
});
