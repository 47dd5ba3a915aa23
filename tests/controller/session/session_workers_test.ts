/** The workers of a session whose cores share them, and what is told of workers that are missing. */

import assert from "node:assert/strict";
import process from "node:process";
import { Session, SessionClosedError } from "../../../mod.ts";
import { SessionWorkers } from "../../../controller/session/session_workers.ts";
import { formatAddress } from "../../../link/address.ts";
import { detectRuntime } from "../../../runtime/detect.ts";
import { unheldClock } from "../../../runtime/unheld_clock.ts";
import { nextTurn } from "../../../runtime/clock.ts";
import type { Address } from "../../../runtime/ports.ts";
import { silentLog } from "../../../system/log.ts";
import { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { core } from "../../lib/cores.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { eventually } from "../../lib/processes.ts";
import { programTest, test } from "../../lib/test.ts";
import { Workspace } from "../../cli/workspace.ts";
import { decode, encode, sessionWith, soon } from "./sessions.ts";

const OTHER_CORE = { core: Uint8Array.of(2) };

test("a further core uses the workers that the session has by then: also added ones, and no removed one", async () => {
  await using first = await ScriptedWorker2.start();
  await using second = await ScriptedWorker2.start();
  await using third = await ScriptedWorker2.start();
  await using session = await sessionWith([first, second]);
  const [one, two, three] = [first, second, third].map(({ port }) => `127.0.0.1:${port}`);
  session.addWorker(three!);
  session.removeWorker(one!);
  const other = await session.openCore(OTHER_CORE);
  await eventually("it has two workers", () => other.stats().workers.length === 2);
  assert.deepEqual(other.stats().workers.map(({ name }) => name).sort(), [two, three].sort());
  assert.equal(decode(await soon(other.run(encode("shared")))), "shared");
  await other.close();
  assert.equal(decode(await soon(session.run(encode("still there")))), "still there");
});

test("a worker is removed however it is written, and a further core does not use it", async () => {
  const log: string[] = [];
  const { runtime } = new MemoryNetwork();
  const workers = new SessionWorkers(runtime, silentLog, {
    core: "core.so",
    workers: ["node7", "node8:7433", "[::1]"],
  });
  const cluster = {
    dial: (address: Address) => log.push(`dials ${formatAddress(address)}`),
    stopDialing: (address: Address) => log.push(`leaves ${formatAddress(address)}`),
  } as unknown as Parameters<SessionWorkers["attach"]>[0];
  workers.remove("node7:7433");
  workers.add("node9:7433");
  workers.remove("node9");
  workers.remove("[::1]:7433");
  await workers.attach(cluster);
  assert.deepEqual(log, ["dials node8:7433"]);
  workers.remove("node8");
  assert.deepEqual(log.slice(1), ["leaves node8:7433"]);
});

test("a session closes each core that is open or being closed, and has forgotten those that are closed", async () => {
  await using worker = await ScriptedWorker2.start();
  const session = await sessionWith([worker]);
  const closings = [0, 0, 0];
  const cores = await Promise.all(closings.map(() => session.openCore(OTHER_CORE)));
  for (const [index, core] of cores.entries()) {
    const close = core.close.bind(core);
    core.close = () => {
      closings[index]! += 1;
      return close();
    };
  }
  await soon(cores[0]!.close());
  const closing = cores[1]!.close();
  await soon(session.close());
  await closing;
  assert.deepEqual(closings, [1, 2, 1]);
});

test("a core that is opened while its session closes is closed too, and its caller gets an error", async () => {
  await using worker = await ScriptedWorker2.start();
  const session = await sessionWith([worker]);
  const opening = assert.rejects(soon(session.openCore(OTHER_CORE)), SessionClosedError);
  await soon(session.close());
  await opening;
  await eventually("nobody is connected", () => worker.openConnections === 0);
});

test("a session whose own worker cannot be started leaves no timer behind", async () => {
  const { files } = await detectRuntime();
  const { makePrivateFolder } = files;
  const { every } = unheldClock;
  const timers = new Set<object>();
  unheldClock.every = (ms, action) => {
    const timer = every.call(unheldClock, ms, action);
    const counted = {
      stop: () => {
        timers.delete(counted);
        timer.stop();
      },
    };
    timers.add(counted);
    return counted;
  };
  const makeNone = () => Promise.reject(new Error("disk full"));
  Object.assign(files, { makePrivateFolder: makeNone });
  try {
    await assert.rejects(soon(Session.open({ core: Uint8Array.of(1), slots: 1 })), /disk full/);
    assert.equal(timers.size, 0);
  } finally {
    Object.assign(files, { makePrivateFolder });
    unheldClock.every = every;
  }
});

test("a session tells once that no worker is left, however often it looks again", async () => {
  const gone = [await ScriptedWorker2.start(), await ScriptedWorker2.start()];
  for (const worker of gone) await worker[Symbol.asyncDispose]();
  await using session = await sessionWith(gone, { connectMs: 1 });
  let told = 0;
  session.on("noWorker", () => told += 1);
  await eventually("it has told so", () => told > 0);
  session.removeWorker(`127.0.0.1:${gone[0]?.port}`); // it looks what is left
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  assert.equal(told, 1);
});

test("a worker that has left is neither listed nor counted, and slots count once they have the core", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 3 });
  await using session = await sessionWith([worker]);
  await eventually("it is connected", () => session.stats().workers.length === 1);
  assert.equal(session.stats().slots, 0, "it has not loaded the core");
  await soon(session.ready());
  assert.equal(session.stats().slots, 3);
  session.removeWorker(`127.0.0.1:${worker.port}`);
  await eventually("it has left", () => session.stats().workers.length === 0);
  assert.equal(session.stats().slots, 0);
});

test("the worker that a session has started has ended when the session is closed", async () => {
  const session = await Session.open({ core: await core("behave"), slots: 1 });
  const pid = Number(decode(await session.run(encode("pid"))));
  process.kill(pid, 0); // its slot is there
  await soon(session.close());
  assert.throws(() => process.kill(pid, 0), /ESRCH|No such process/);
});

programTest(
  "a core that the session's own worker cannot load is warned of once, beside another core, and used when it is opened after its repair",
  async () => {
    await using workspace = await Workspace.make();
    const path = JSON.stringify(workspace.at("repaired"));
    const refusing = { core: await core("init_refuses", { PATH: path }) };
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };
    await using session = await Session.open({ core: await core("echo"), slots: 1, log });
    const other = await session.openCore(refusing);
    assert.equal(decode(await session.run(encode("beside"))), "beside");
    await assert.rejects(soon(other.run(encode("early"))), /worker_init returned 7/);
    await eventually("it is warned of", () => warnings.length > 0);
    await workspace.write("repaired", "");
    const repaired = await session.openCore(refusing);
    assert.equal(decode(await soon(repaired.run(encode("late")))), "");
    assert.match(warnings.join(), /^cannot use worker this machine: .*worker_init returned 7$/);
  },
);
