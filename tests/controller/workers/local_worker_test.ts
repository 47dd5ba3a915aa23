/** The worker that a run starts on its own machine: started again, given up, closed and abandoned. Its process is a fake. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { LocalWorker } from "../../../controller/workers/local_worker.ts";
import type { OnConnectionEnded } from "../../../controller/workers/local_worker_options.ts";
import type { FolderBelow } from "../../../runtime/files/files_below.ts";
import type { Address, ByteStream, ChildProcess, ProcessEnd } from "../../../runtime/ports.ts";
import { silentLog } from "../../../system/log.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";

/** A worker that dies more often is not started again. */
const RESTARTS_MAX = 12;

/** A connection that has lasted for this long was fine. */
const STABLE_MS = 60_000;

/** A core that the worker could not load is tried again after this time. */
const UNUSABLE_RETRY_MS = 30_000;

/** How long a worker may take to exit: the shorter time if it has never connected, and makes no folder. */
const EXIT_MS_MAX = 10_000;
const START_EXIT_MS_MAX = 2_000;

/** One that only sleeps must have connected within this time, any other one within the longer time. */
const ASLEEP_MS_MAX = 30_000;
const START_MS_MAX = 120_000;

/** `/proc/PID/stat` of a process in this state that has computed for this time. */
const stat = (state: string, times: string) =>
  `4711 (a (b) c) ${state} 1 2 3 0 -1 0 0 0 0 0 ${times} 20 0 1 0`;
const ASLEEP = stat("S", "7 1 0 0");

test("a local worker that dies is started again twelve times, then given up for its last reason", async () => {
  const { local, processes, givenUp, warnings, clock } = await started();
  for (let number = 0; number <= RESTARTS_MAX; number++) {
    await clock.until("it runs", () => processes.length === number + 1);
    assert.deepEqual(givenUp, []);
    processes[number]?.end({ exitCode: number });
  }
  await clock.until("it is given up", () => givenUp.length > 0);
  assert.deepEqual(givenUp, ["this machine: its worker exited with status 12, 13 times"]);
  assert.equal(processes.length, RESTARTS_MAX + 1);
  assert.equal(warnings[0], "the worker on this machine exited with status 0");
  assert.equal(warnings.length, RESTARTS_MAX + 1);
  await local.close();
});

test("a local worker that a session had to give up is started again after pauses, and not once it is closed", async () => {
  const { local, processes, givenUp, clock } = await started({ isShared: true });
  const startedAtMs: number[] = [];
  for (let number = 0; number < RESTARTS_MAX + 8; number++) {
    await clock.until("it runs", () => processes.length === number + 1);
    startedAtMs.push(clock.now());
    processes[number]?.end({ exitCode: 1 });
  }
  assert.equal(startedAtMs[RESTARTS_MAX], 0);
  const pausesMs = startedAtMs.slice(RESTARTS_MAX).map((ms, index, all) =>
    (all[index + 1] ?? 0) - ms
  );
  assert(pausesMs.slice(0, -1).every((ms) => ms >= 50 && ms <= 10_000), `${pausesMs}`);
  assert((pausesMs[6] ?? 0) > 3_000, "they become longer");
  await clock.until("it is given up again", () => givenUp.length === 8);
  await local.close();
  await clock.advance(20_000);
  assert.deepEqual([processes.length, clock.timers], [RESTARTS_MAX + 8, 0]);
});

test("a local worker that has run for a minute may die as often as at first", async () => {
  const { local, processes, givenUp, clock } = await started();
  for (let number = 0; number <= RESTARTS_MAX + 3; number++) {
    await clock.until("it runs", () => processes.length === number + 1);
    if (number === 5) await clock.advance(60_000);
    processes[number]?.end({ exitCode: 1 });
  }
  await clock.advance(0);
  assert.deepEqual(givenUp, []);
  const closed = local.close();
  processes.at(-1)?.end({ exitCode: 0 });
  await closed;
});

test("a local worker that has left, as its core cannot be loaded, is started again after a pause", async () => {
  const { local, processes, network, joined, clock, warnings } = await started();
  await network.dial(network.listening[0] as Address);
  await clock.until("it has joined", () => joined.length === 1);
  processes[0]?.end({ exitCode: 0 });
  await clock.advance(49);
  assert.equal(processes.length, 1);
  await clock.advance(51);
  assert.equal(processes.length, 2);
  assert.deepEqual(warnings, [], "the cluster has said why");
  const closed = local.close();
  processes[1]?.end({ exitCode: 0 });
  await closed;
});

test("a local worker that cannot be started is given up with the reason", async () => {
  const { local, givenUp, clock } = await started({ cannotStart: true });
  await clock.until("it is given up", () => givenUp.length > 0);
  assert.match(givenUp[0] ?? "", /cannot be started: no more processes, 13 times/);
  await local.close();
});

test("a local worker that only sleeps instead of connecting is killed after 30 seconds, and given up the third time", async () => {
  const { local, processes, warnings, givenUp, clock } = await started({ statOf: () => ASLEEP });
  await clock.advance(ASLEEP_MS_MAX);
  assert.deepEqual([processes[0]?.signals, warnings], [[], []]); // the first look tells nothing
  await clock.advance(1_000);
  await clock.until("another one runs", () => processes.length === 2);
  assert.deepEqual(processes[0]?.signals, ["SIGKILL"]);
  await clock.until("it is given up", () => givenUp.length === 1);
  assert.deepEqual(warnings.length, 3);
  assert.equal(warnings[0], "the worker on this machine did not connect within 30s");
  assert.deepEqual(givenUp, ["this machine: its worker did not connect within 30s, 3 times"]);
  await clock.advance(ASLEEP_MS_MAX);
  assert.deepEqual([processes.length, clock.timers], [3, 0]);
  await local.close();
});

test("a session tries its own worker again after each start that has hung", async () => {
  const { local, processes, givenUp, joined, connect, clock } = await started({
    isShared: true,
    statOf: (start) => start < 6 ? ASLEEP : undefined,
  });
  await clock.until("it is given up", () => givenUp.length === 3);
  await clock.until("it runs", () => processes.length === 6);
  await connect();
  await clock.advance(2 * START_MS_MAX);
  assert.deepEqual([joined.length, processes.length, givenUp.length], [1, 6, 3]);
  const closed = local.close();
  processes.at(-1)?.end({ exitCode: 0 });
  await closed;
});

test("a local worker that starts slowly is awaited while it computes, or waits for a CPU or a disk, for two minutes at most", async () => {
  let looks = 0;
  const slow = {
    computing: () => stat("S", `${looks++} 0 0 0`),
    "with a child that computes": () => stat("S", `0 0 ${looks++ >> 4} 0`),
    "waiting for a CPU": () => stat("R", "7 1 0 0"),
    "waiting for a disk": () => stat("D", "7 1 0 0"),
    "on a system that does not tell": () => undefined,
  };
  const cases = [
    ...Object.entries(slow).map(([how, statOf]) => ({ how, statOf })),
    { how: "with a thread that waits for a disk", statOf: () => ASLEEP, thread: stat("D", "") },
    { how: "that makes a working folder", statOf: () => ASLEEP, workdir: "/mnt/fuse" },
    {
      how: "that opens a folder for core dumps",
      statOf: () => ASLEEP,
      dumpsFolder: { root: "/mnt/fuse", path: ".crashes" },
    },
  ];
  for (const { how, ...options } of cases) {
    const { local, processes, warnings, givenUp, clock } = await started(options);
    await clock.advance(START_MS_MAX - 1);
    assert.deepEqual([processes[0]?.signals, warnings], [[], []], how);
    await clock.advance(1);
    assert.deepEqual(processes[0]?.signals, ["SIGKILL"], how);
    assert.deepEqual(warnings, ["the worker on this machine did not connect within 120s"], how);
    await clock.advance(2 * START_MS_MAX);
    assert.deepEqual(givenUp, ["this machine: its worker did not connect within 120s, 3 times"]);
    await local.close();
    assert.equal(clock.timers, 0);
  }
});

test("a local worker is awaited as long as it is stopped, or as its run is not ready for it", async () => {
  const stopped = { statOf: () => stat("T", "7 1 0 0") };
  for (const options of [stopped, { statOf: () => ASLEEP, early: true }]) {
    const { local, processes, clock } = await started(options);
    await clock.advance(2 * START_MS_MAX);
    assert.deepEqual(processes[0]?.signals, []);
    const closed = local.close();
    processes[0]?.end({ exitCode: 0 });
    await closed;
  }
});

test("a local worker that is closed before it has connected gets time to exit, or to connect and then exit", async () => {
  for (const isShared of [false, true]) {
    const { local, processes, connect, clock } = await started({ isShared });
    const closed = local.close();
    await clock.advance(START_EXIT_MS_MAX - 1);
    assert.deepEqual(processes[0]?.signals, []);
    if (isShared) {
      await connect();
      await clock.advance(EXIT_MS_MAX - START_EXIT_MS_MAX);
    }
    processes[0]?.end({ exitCode: 0 });
    await closed;
    assert.deepEqual([processes[0]?.signals, processes.length, clock.timers], [[], 1, 0]);
  }
});

test("a local worker that is closed before it has connected is killed after two seconds, or ten if it makes a folder", async () => {
  const cases = [
    { limitMs: START_EXIT_MS_MAX },
    { limitMs: START_EXIT_MS_MAX, isShared: true },
    { limitMs: EXIT_MS_MAX, workdir: "/tmp" },
  ];
  for (const { limitMs, ...options } of cases) {
    const { local, processes, clock } = await started(options);
    const closed = local.close();
    await clock.advance(limitMs - 1);
    assert.deepEqual(processes[0]?.signals, []);
    await clock.advance(1);
    await closed;
    assert.deepEqual([processes[0]?.signals, clock.timers], [["SIGKILL"], 0]);
  }
});

test("a local worker that sleeps instead of connecting is killed at once when it is closed", async () => {
  for (const isShared of [false, true]) {
    const { local, processes, clock } = await started({ isShared, statOf: () => ASLEEP });
    await clock.advance(2_000); // the first look tells nothing
    await local.close();
    assert.deepEqual([processes[0]?.signals, clock.now(), clock.timers], [["SIGKILL"], 2_000, 0]);
  }
});

test("a local worker that has slept before it connected gets time to exit", async () => {
  const { local, processes, connect, clock } = await started({ statOf: () => ASLEEP });
  await clock.advance(2_000);
  await connect();
  const closed = local.close();
  processes[0]?.end({ exitCode: 0 });
  await closed;
  assert.deepEqual(processes[0]?.signals, []);
});

test("a local worker that exits while it is closed is not started again, and leaves no folder and no timer", async () => {
  const { local, processes, warnings, folder, network, connect, clock } = await started();
  await connect();
  const closed = local.close();
  processes[0]?.end({ exitCode: 0 });
  await clock.advance(0);
  await closed;
  await clock.advance(1_000);
  assert.deepEqual([processes.length, warnings.length, clock.timers], [1, 0, 0]);
  assert(!existsSync(folder()));
  await assert.rejects(network.dial(network.listening[0] as Address), /refused/);
});

test("a local worker that does not exit within ten seconds is killed", async () => {
  const { local, processes, connect, clock } = await started();
  await connect();
  let isClosed = false;
  void local.close().then(() => isClosed = true);
  await clock.advance(EXIT_MS_MAX - 1);
  assert.deepEqual([processes[0]?.signals, isClosed], [[], false]);
  await clock.advance(1);
  assert.deepEqual(processes[0]?.signals, ["SIGKILL"]);
  await eventually("it is closed", () => isClosed);
});

test("a local worker that hangs is killed ten seconds after it was disconnected, and another one started", async () => {
  const { local, processes, streams, warnings, network, clock } = await started();
  await network.dial(network.listening[0] as Address);
  await clock.until("it has joined", () => streams.length === 1);
  streams[0]?.close();
  await clock.advance(EXIT_MS_MAX - 1);
  assert.deepEqual([processes[0]?.signals, warnings], [[], []]);
  await clock.advance(1);
  await clock.until("another one runs", () => processes.length === 2);
  assert.deepEqual(warnings, [
    "the worker on this machine hangs; killing its process 4711",
    "the worker on this machine was killed by SIGKILL",
  ]);
  const closed = local.close();
  processes[1]?.end({ exitCode: 0 });
  await closed;
  assert.equal(clock.timers, 0);
});

test("a local worker that hangs in the kernel is replaced, too", async () => {
  const { local, processes, streams, warnings, network, clock } = await started();
  await network.dial(network.listening[0] as Address);
  await clock.until("it has joined", () => streams.length === 1);
  const [hanging] = processes;
  assert(hanging);
  hanging.kill = () => {};
  streams[0]?.close();
  await clock.until("another one runs", () => processes.length === 2);
  assert.match(warnings[1] ?? "", /hangs: the system has not let its process end for 10s$/);
  const closed = local.close();
  processes[1]?.end({ exitCode: 0 });
  await closed;
});

test("a local worker that somebody has stopped is not killed, and one warning says how to continue it", async () => {
  const states = ["T (stopped)", "t (tracing stop)"];
  for (const state of states) {
    const { local, processes, streams, warnings, network, clock } = await started({ state });
    await network.dial(network.listening[0] as Address);
    await clock.until("it has joined", () => streams.length === 1);
    streams[0]?.close();
    await clock.advance(6 * EXIT_MS_MAX);
    assert.deepEqual(processes[0]?.signals, []);
    assert.deepEqual(warnings, [
      "the worker on this machine is stopped; to continue it: kill -CONT 4711",
    ]);
    processes[0]?.end({ exitCode: 0 });
    await clock.until("another one runs", () => processes.length === 2);
    const closed = local.close();
    processes[1]?.end({ exitCode: 0 });
    await closed;
    assert.equal(clock.timers, 0);
  }
});

test("a local worker that hangs or is stopped is left alone until its run ends where the system cannot tell which", async () => {
  const { local, processes, streams, warnings, connect, clock } = await started({ state: "" });
  await connect();
  streams[0]?.close();
  await clock.advance(6 * EXIT_MS_MAX);
  assert.deepEqual(processes[0]?.signals, []);
  assert.deepEqual(warnings, [
    "the worker on this machine is stopped or hangs; to continue it: kill -CONT 4711; " +
    "to replace it: kill -KILL 4711",
  ]);
  const closed = local.close();
  await clock.advance(EXIT_MS_MAX);
  await closed;
  assert.deepEqual([processes[0]?.signals, processes.length], [["SIGKILL"], 1]);
});

test("closing a local worker that was abandoned does not wait for it", async () => {
  const { local, processes, connect, clock } = await started();
  await connect();
  const closed = local.close();
  local.abandon();
  await closed;
  assert.equal(clock.now(), 0);
  assert.deepEqual(processes[0]?.signals, []);
});

test("a connection that a shared worker loses while its process lives is opened again: after pauses, long ones if it cannot load the core", async () => {
  const { local, processes, streams, connect, share, clock } = await started({ isShared: true });
  await connect();
  const other = share();
  await connect();
  const told = () => processes[0]?.told ?? assert.fail("it does not run");
  const lose = async (withinMs: readonly [number, number], isUnusable = false) => {
    const before = told().length;
    other.end(isUnusable);
    await clock.advance(withinMs[0] - 1);
    assert.equal(told().length, before, "it pauses first");
    await clock.advance(withinMs[1] - withinMs[0] + 1);
    assert.equal(told().length, before + 1);
    await connect();
  };
  assert.deepEqual(told(), ["\n"]);
  await lose([50, 100]);
  await lose([100, 200]);
  await lose([UNUSABLE_RETRY_MS, UNUSABLE_RETRY_MS], true);
  await lose([200, 400]);
  await clock.advance(STABLE_MS);
  await lose([50, 100]);
  assert.deepEqual([streams.length, other.streams.length], [1, 6]);
  local.unshare(other.cluster);
  other.end(false);
  await clock.advance(STABLE_MS);
  assert.equal(told().length, 6);
  const closed = local.close();
  processes[0]?.end({ exitCode: 0 });
  await closed;
});

test("a connection that was lost with its process is opened once, by the next process", async () => {
  const { local, processes, streams, connect, share, clock } = await started({ isShared: true });
  await connect();
  const other = share();
  await connect();
  streams[0]?.close();
  other.end(false);
  processes[0]?.end({ signal: "SIGKILL" });
  await clock.until("it runs again", () => processes.length === 2);
  await connect();
  await connect();
  await clock.advance(STABLE_MS);
  assert.deepEqual([streams.length, other.streams.length, processes[1]?.told], [2, 2, []]);
  const closed = local.close();
  processes[1]?.end({ exitCode: 0 });
  await closed;
});

test("what connects to its socket joins the cluster under the name of this machine", async () => {
  const { local, processes, joined, network, clock } = await started();
  const stream = await network.dial(network.listening[0] as Address);
  await clock.advance(0);
  assert.deepEqual(joined, ["this machine"]);
  stream.close();
  processes[0]?.end({ exitCode: 0 });
  await local.close();
});

test("a worker that is launched before its run joins it as soon as the run uses it", async () => {
  const { local, processes, joined, warnings, use, network, clock } = await started({
    early: true,
  });
  processes[0]?.end({ exitCode: 9 });
  await clock.until("it runs again", () => processes.length === 2);
  const stream = await network.dial(network.listening[0] as Address);
  await clock.advance(0);
  assert.deepEqual([joined, warnings], [[], []]);
  use();
  await clock.advance(0);
  assert.deepEqual(joined, ["this machine"]);
  assert.deepEqual(warnings, ["the worker on this machine exited with status 9"]);
  stream.close();
  processes[1]?.end({ exitCode: 0 });
  await local.close();
});

test("a worker that was given up before its run used it is given up by the run", async () => {
  const { local, givenUp, use, clock } = await started({ early: true, cannotStart: true });
  await clock.advance(0);
  use();
  assert.match(givenUp[0] ?? "", /cannot be started: no more processes, 13 times/);
  await local.close();
});

test("a worker that was launched for a run that never began is killed at once", async () => {
  const { local, processes, folder, clock } = await started({ early: true });
  await local.close();
  assert.deepEqual(processes[0]?.signals, ["SIGKILL"]);
  assert.deepEqual([processes.length, clock.now(), clock.timers], [1, 0, 0]);
  assert(!existsSync(folder()));
});

/**
 * A local worker whose processes do what the test says. `early`: `use` gives it its cluster. `state`: what the system
 * says its processes do, if anything. `statOf`: its longer answer about the process that was started as the n-th.
 * `thread`: the same about another thread of it.
 */
async function started(
  {
    cannotStart = false,
    early = false,
    isShared = false,
    state = "S (sleeping)",
    workdir = undefined as string | undefined,
    dumpsFolder = undefined as FolderBelow | undefined,
    thread = undefined as string | undefined,
    statOf = (_number: number): string | undefined => undefined,
  } = {},
) {
  const network = new Network();
  const { clock } = network;
  const processes: Process[] = [];
  const givenUp: string[] = [];
  const warnings: string[] = [];
  const joined: string[] = [];
  const streams: ByteStream[] = [];
  const runtime = {
    ...network.runtime,
    selfCommand: () => ["distcomp"],
    system: {
      text: (path: string) => {
        if (path === "/proc/4711/stat") return statOf(processes.length);
        if (path === "/proc/4711/task/4712/stat") return thread;
        return state && path === "/proc/4711/status" ? `State:\t${state}\n` : undefined;
      },
      names: (path: string) => thread && path === "/proc/4711/task" ? ["4712"] : [],
    },
    spawn: () => {
      if (cannotStart) throw new Error("no more processes");
      processes.push(new Process());
      return processes.at(-1) as Process;
    },
  };
  const cluster = {
    join: (stream: ByteStream, name: string) => {
      joined.push(name);
      streams.push(stream);
    },
    giveUp: (name: string, reason: string) => void givenUp.push(`${name}: ${reason}`),
  };
  const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };
  const shares = { slots: 1, workdir };
  const local = early
    ? await LocalWorker.launch(runtime, { shares })
    : await LocalWorker.start(runtime, cluster, { shares, dumpsFolder, log, isShared });
  const use = () => local.use(cluster, log);
  /** Another cluster, its connections, and the end of the last one. */
  const share = () => {
    const streams: ByteStream[] = [];
    let onLastEnded: OnConnectionEnded = () => {};
    const join = (stream: ByteStream, _name: string, onEnded: OnConnectionEnded) => {
      streams.push(stream);
      onLastEnded = onEnded;
    };
    const other = { ...cluster, join };
    local.share(other);
    const end = (isUnusable: boolean) => {
      streams.at(-1)?.close();
      onLastEnded(isUnusable);
    };
    return { cluster: other, streams, end };
  };
  const connect = async () => {
    await network.dial(network.listening[0] as Address);
    await clock.advance(0);
  };
  const folder = () => {
    const [address] = network.listening;
    return address?.kind === "unix" ? dirname(address.path) : assert.fail("it does not listen");
  };
  const told = { givenUp, warnings, joined, streams };
  return { local, use, share, connect, processes, ...told, folder, network, clock };
}

/** A network that notes who listens. */
class Network extends MemoryNetwork {
  readonly listening: Address[] = [];

  override listen(address: Address) {
    this.listening.push(address);
    return super.listen(address);
  }
}

/** A process that ends when the test says so, or when it is killed. */
class Process implements ChildProcess {
  readonly pid = 4711;
  readonly outputs = [];
  readonly #end = Promise.withResolvers<ProcessEnd>();
  readonly ended = this.#end.promise;
  readonly signals: string[] = [];
  readonly told: string[] = [];

  tell(text: string): void {
    this.told.push(text);
  }

  kill(signal: string): void {
    this.signals.push(signal);
    this.end({ signal });
  }

  unref(): void {}

  end(end: ProcessEnd): void {
    this.#end.resolve(end);
  }
}
