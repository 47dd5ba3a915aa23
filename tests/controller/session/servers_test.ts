/** Sessions of servers: requests beside batches, outages, workers that come and go. */

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import {
  type EndedJob,
  KeyError,
  NoWorkerError,
  Session,
  type SessionEvents,
  WorkerServer,
  type WorkerServerOptions,
} from "../../../mod.ts";
import { coreError, startPeer } from "../../fixtures/peers/scripted_worker.ts";
import { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { Keys } from "../../lib/connections.ts";
import { core } from "../../lib/cores.ts";
import { Workspace } from "../../cli/workspace.ts";
import { eventually } from "../../lib/processes.ts";
import { programCommand } from "../../lib/program_commands.ts";
import { test } from "../../lib/test.ts";
import { startOwnWorker } from "../../worker/own_worker.ts";
import { decode, encode, sessionWith, soon } from "./sessions.ts";

test("calls of `run` and each map share the slots fairly", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 1 });
  await using session = await sessionWith([worker]);
  worker.hold();
  const maps = ["a", "b"].map((name) => Array.fromAsync(session.map(named(name, 30))));
  await eventually("the maps have begun", () => session.pending === 60);
  const run = session.run(encode("run"));
  worker.release();
  await Promise.all([...maps, run]);
  const order = worker.received.jobs.map(({ input }) => decode(input));
  assert(order.indexOf("run") < 12, `the call of run was number ${order.indexOf("run")}`);
  assert(order.slice(-4).includes("a") && order.slice(-4).includes("b"), `${order}`);
});

test("jobs with a higher priority go first", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 1 });
  await using session = await sessionWith([worker]);
  worker.hold();
  const runs = [session.run(encode("first"))];
  await eventually("it was sent", () => worker.received.jobs.length === 1);
  for (const [text, priority] of [["low", -1], ["usual", 0], ["high", 1]] as const) {
    for (let count = 0; count < 8; count++) runs.push(session.run(encode(text), { priority }));
  }
  worker.release();
  await Promise.all(runs);
  const order = worker.received.jobs.map(({ input }) => decode(input));
  assert(order.lastIndexOf("high") < order.indexOf("usual"), `${order}`);
  assert(order.lastIndexOf("usual") < order.indexOf("low"), `${order}`);
});

test("a request waits for one free slot beside a map: no long job is sent ahead of it", async () => {
  await using session = await Session.open({ core: await core("behave"), slots: 2 });
  const inFlight: number[] = [];
  const inputs = Array.from({ length: 30 }, () => encode("sleep 20"));
  for await (const _ of session.map(inputs)) inFlight.push(session.stats().inFlight);
  assert.deepEqual(inFlight.filter((count) => count > 2), []);
});

test("jobs fail while there is no worker, and run again once one is back", async () => {
  const worker = await ScriptedWorker2.start();
  const { port } = worker;
  await using session = await sessionWith([worker], { connectMs: 100 });
  assert.equal(decode(await session.run(encode("before"))), "before");
  await worker[Symbol.asyncDispose]();
  await assert.rejects(soon(session.run(encode("meanwhile"))), NoWorkerError);
  const { signal } = new AbortController(); // of a server, for many requests
  await assert.rejects(soon(session.run(encode("at once"), { signal })), NoWorkerError);
  assert.deepEqual(getEventListeners(signal, "abort"), []);
  await assert.rejects(soon(session.ready()), NoWorkerError);
  await using other = await ScriptedWorker2.start();
  session.addWorker(`127.0.0.1:${other.port}`);
  await soon(session.ready());
  assert.equal(decode(await session.run(encode("after"))), "after");
  session.removeWorker(`127.0.0.1:${port}`);
  assert.equal(session.stats().workers.length, 1);
});

test("with `whenNoWorker: wait`, jobs wait until a worker is back", async () => {
  const worker = await ScriptedWorker2.start();
  const options = { connectMs: 50, whenNoWorker: "wait" } as const;
  await using session = await sessionWith([worker], options);
  const events: SessionEvents["noWorker"][] = [];
  session.on("noWorker", (event) => events.push(event));
  await session.ready();
  await worker[Symbol.asyncDispose]();
  const run = session.run(encode("patient"));
  await eventually("nobody is left", () => events.length > 0);
  await using other = await ScriptedWorker2.start();
  session.addWorker(`127.0.0.1:${other.port}`);
  assert.equal(decode(await soon(run)), "patient");
  assert.equal(events.length, 1);
});

for (
  const [name, whenNoWorker] of [
    ["jobs fail while the session's own worker cannot be started, and run once it can", "fail"],
    ["with `whenNoWorker: wait`, jobs wait until the own worker can be started", "wait"],
  ] as const
) {
  test(name, async () => {
    await using workspace = await Workspace.make();
    const program = programCommand().map((word) => `'${word}'`).join(" ");
    const isRepaired = `[ -e '${workspace.at("repaired")}' ] || exit 7`;
    await workspace.write("own", `#!/bin/sh\n${isRepaired}\nexec ${program} "$@"\n`);
    await chmod(workspace.at("own"), 0o755);
    await using session = await Session.open({
      core: await core("echo"),
      slots: 1,
      worker: { command: [workspace.at("own")] },
      whenNoWorker,
    });
    const gone = Promise.withResolvers<readonly string[]>();
    session.on("noWorker", ({ reasons }) => gone.resolve(reasons));
    const run = session.run(encode("patient"));
    run.catch(() => {});
    assert.match((await soon(gone.promise))[0] ?? "", /exited with status 7, 13 times/);
    await workspace.write("repaired", "");
    if (whenNoWorker === "wait") assert.equal(decode(await soon(run)), "patient");
    else {
      await assert.rejects(run, NoWorkerError);
      await eventually("it is there", () => session.stats().slots === 1);
      assert.equal(decode(await session.run(encode("again"))), "again");
    }
  });
}

test("workers are added to a session, and removed when they have finished their jobs", async () => {
  await using first = await ScriptedWorker2.start({ slots: 2 });
  await using second = await ScriptedWorker2.start({ slots: 3 });
  await using session = await sessionWith([first]);
  const events: string[] = [];
  session.on("workerJoined", ({ worker, slots }) => events.push(`${worker} ${slots}`));
  const stop = session.on("workerLeft", ({ worker, how }) => events.push(`${worker} ${how}`));
  session.addWorker(`127.0.0.1:${second.port}`);
  await eventually("both are there", () => session.stats().workers.length === 2);
  await session.ready();
  await eventually("both have the core", () => session.stats().slots === 5);
  first.hold();
  const runs = Array.from({ length: 5 }, () => session.run(encode("a")));
  await eventually("the first one has jobs", () => first.received.jobs.length > 0);
  session.removeWorker(`127.0.0.1:${first.port}`);
  first.release();
  await soon(Promise.all(runs));
  await eventually("it has left", () => session.stats().workers.length === 1);
  stop();
  const [one, two] = [`127.0.0.1:${first.port}`, `127.0.0.1:${second.port}`];
  assert.deepEqual(events.toSorted(), [`${one} 2`, `${one} drained`, `${two} 3`].toSorted());
  assert.throws(() => session.addWorker("a:b"), /a:b/);
});

test("a session tells of each job where and when it ran, as far as its worker says that", async () => {
  await using own = await startOwnWorker();
  await using other = await ScriptedWorker2.start();
  for (const [worker, isMeasured] of [[own, true], [other, false]] as const) {
    const workers = [`127.0.0.1:${worker.port}`];
    await using session = await Session.open({ core: await core("behave"), workers });
    const ended: EndedJob[] = [];
    session.on("jobEnded", (job) => ended.push(job));
    await session.run(new TextEncoder().encode("sleep 20"));
    await eventually("the event has come", () => ended.length === 1);
    const [{ job = -1, ok, node, runMs = 0, queuedAt = 0, startedAt = 0 } = {}] = ended;
    assert(job === 0 && ok && node && Math.abs(queuedAt - Date.now()) < 60_000);
    assert.equal(runMs >= 20 && startedAt >= queuedAt, isMeasured, JSON.stringify(ended));
  }
});

test("a session counts how its jobs have ended, and tells of those that have failed", async () => {
  await using worker = await ScriptedWorker2.start();
  worker.script.answerJob = ({ input }) => input[0] === 1 ? { kind: 1, text: "bad luck" } : "echo";
  await using session = await sessionWith([worker]);
  const told: string[] = [];
  session.on("jobFailed", ({ job, error }) => told.push(`${job}: ${error.message}`));
  await Array.fromAsync(session.map([0, 1, 2].map((value) => Uint8Array.of(value))));
  const { succeeded, failed, canceled, pending, queued, inFlight } = session.stats();
  assert.deepEqual({ succeeded, failed, canceled, pending, queued, inFlight }, {
    succeeded: 2,
    failed: 1,
    canceled: 0,
    pending: 0,
    queued: 0,
    inFlight: 0,
  });
  assert.deepEqual(told, ["1: bad luck"]);
});

test("a core that no worker can load is the reason with which jobs fail", async () => {
  await using worker = await startPeer(coreError("built for another machine"));
  const workers = [`127.0.0.1:${worker.port}`];
  await using session = await Session.open({ core: new Uint8Array(1), workers });
  await assert.rejects(soon(session.ready()), /built for another machine/);
  await assert.rejects(soon(session.run(encode("a"))), /built for another machine/);
});

test("several cores in one session share the slots of its worker", async () => {
  await using session = await Session.open({ core: await core("behave"), slots: 2 });
  const echo = await session.openCore({ core: await core("echo"), retries: 1 });
  const [pids, echoed] = await Promise.all([
    Array.fromAsync(session.map(Array.from({ length: 50 }, () => encode("pid")))),
    Array.fromAsync(echo.map(Array.from({ length: 50 }, () => encode("pid")))),
  ]);
  assert(pids.every((result) => result.ok && /^\d+$/.test(decode(result.output))));
  assert(echoed.every((result) => result.ok && decode(result.output) === "pid"));
  assert.deepEqual([session, echo].map((one) => one.stats().workers.length), [1, 1]);
  await echo.close();
  assert.equal(decode(await session.run(encode("echo on"))), "on");
  const last = await session.openCore({ core: await core("echo") });
  const run = assert.rejects(last.run(new Promise<never>(() => {})), /closed/);
  await session.close();
  await assert.rejects(last.run(encode("late")), /The session is closed/);
  await Promise.race([run, Promise.resolve()]);
});

function* named(name: string, count: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let index = 0; index < count; index++) yield encode(name);
}

test("a worker in a program's own process needs no options, and refuses wrong ones", async () => {
  await using worker = await WorkerServer.listen("127.0.0.1:0");
  await using session = await Session.open({
    core: await core("echo"),
    workers: [worker.address],
  });
  await session.ready();
  const [info] = session.stats().workers;
  assert.deepEqual([info?.name, info?.isReady], [worker.address, true]);
  assert(Number(info?.slots) >= 1);
  await assert.rejects(WorkerServer.listen("127.0.0.1:0", { slots: -1 }), /at least 1, not -1/);
});

test("a wrong option of a worker in a program's own process opens it to nobody", async () => {
  const wrong: [unknown, RegExp][] = [
    [{ foo: 1 }, /no option foo of a worker; there are slots,/],
    [{ insecure: "false" }, /insecure must be a boolean, not "false"/],
    [{ key: 5 }, /key must be a string, not 5/],
    [{ pin: "yes" }, /pin must be a boolean/],
    [{ log: {} }, /log must have a function info/],
    [{ devices: 5 }, /devices must be an array of strings, not 5/],
    [{ trust: { signer: ["pem"] } }, /no option signer of trust/],
    [{ ownsProcess: true }, /no option ownsProcess of a worker/],
    [{ trust: {} }, /trust needs signers or allowed files/],
    [{ trust: { signers: [] } }, /trust needs signers or allowed files/],
  ];
  for (const [options, reason] of wrong) {
    const listening = WorkerServer.listen("127.0.0.1:0", options as WorkerServerOptions);
    await assert.rejects(listening, (error: Error) => {
      assert(error instanceof TypeError, `${error}`);
      assert.match(error.message, reason);
      return true;
    });
  }
  for (const address of [5, undefined] as unknown as string[]) {
    const reason = new RegExp(`^TypeError: address must be a string, not ${address}`);
    await assert.rejects(WorkerServer.listen(address), reason);
  }
});

test("a worker in a program's own process takes only labels that can be asked for", async () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => `a${index}=b`);
  const wrong: [string[], RegExp][] = [
    [many(65), /labels must be at most 64, not 65/],
    [["a=b", "noeq"], /labels must be names and values, such as gpu=a100, not "noeq"/],
    [[""], /not ""/],
  ];
  for (const [labels, reason] of wrong) {
    await assert.rejects(WorkerServer.listen("127.0.0.1:0", { labels }), (error: Error) => {
      assert(error instanceof RangeError, `${error}`);
      assert.match(error.message, reason);
      return true;
    });
  }
  await using _worker = await WorkerServer.listen("127.0.0.1:0", { slots: 1, labels: many(64) });
});

test("a worker in a program's own process that cannot listen says where, and why", async () => {
  await using first = await WorkerServer.listen("127.0.0.1:0", { slots: 1 });
  const used = `Cannot listen on ${first.address}: address already in use; choose another port`;
  for (
    const [address, reason] of [[first.address, used], ["192.0.2.1:0", "192.0.2.1:0: "]] as const
  ) {
    await using keys = await Keys.make();
    const options = { slots: 1, key: await keys.create() };
    await assert.rejects(WorkerServer.listen(address, options), (error: Error) => {
      assert(error.message.includes(reason), error.message);
      return true;
    });
  }
});

test("a worker in a program's own process does not open if others need its key, and it has none", async () => {
  await using keys = await Keys.make();
  const missing = join(keys.folder, "missing");
  const damaged = join(keys.folder, "damaged");
  await writeFile(damaged, "no key", { mode: 0o600 });
  for (const key of [missing, damaged]) {
    for (const address of ["127.0.0.1:0", "0.0.0.0:0"]) {
      await assert.rejects(WorkerServer.listen(address, { slots: 1, key }), (error) => {
        assert(error instanceof KeyError, `${error}`);
        assert.match(error.message, /missing|damaged/);
        return true;
      });
    }
    await using _ = await WorkerServer.listen("127.0.0.1:0", { slots: 1, key, insecure: true });
  }
  const before = process.env.DISTCOMP_KEY;
  process.env.DISTCOMP_KEY = damaged;
  try {
    await assert.rejects(WorkerServer.listen("0.0.0.0:0", { slots: 1 }), KeyError);
    await using _ = await WorkerServer.listen("127.0.0.1:0", { slots: 1 });
  } finally {
    if (before === undefined) delete process.env.DISTCOMP_KEY;
    else process.env.DISTCOMP_KEY = before;
  }
});

test("a worker in a program's own process that cannot start leaves its port free", async () => {
  await using first = await WorkerServer.listen("127.0.0.1:0", { slots: 1 });
  const { address } = first;
  await first.close();
  const workdir = "/nonexistent/folder";
  await assert.rejects(WorkerServer.listen(address, { slots: 1, workdir }), /nonexistent/);
  await using _second = await WorkerServer.listen(address, { slots: 1 });
});
