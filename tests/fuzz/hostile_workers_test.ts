/** A controller among hostile workers, some of which it dials while others connect to it. */

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { assertPolite, numberedInputs, Simulation } from "../controller/simulation.ts";
import { Workspace } from "../cli/workspace.ts";
import { type PeerHost, thisMachine } from "../fixtures/peers/host.ts";
import { type Script, Session, startPeer, Statistics } from "../fixtures/peers/scripted_worker.ts";
import { core } from "../lib/cores.ts";
import { peerHost } from "../lib/memory_peers.ts";
import { startWorker } from "../lib/processes.ts";
import { Choices, randomTest, RUNS_ALL, SEED } from "../lib/random.ts";
import { hostileWorker, type Tally } from "./hostile_worker.ts";

const MEBIBYTE = 2 ** 20;

/** Frames of hostile workers. */
const FRAMES_IN_MEMORY = RUNS_ALL ? 200_000 : 10_000;
const FRAMES_TO_PROCESS = RUNS_ALL ? 100_000 : 5_000;

/** Hostile workers that are dialed, and such as connect again as soon as they are thrown out. */
const DIALED = 3;
const CONNECTING = 5;

/** How long the latter wait. */
const PAUSE_MS_MAX = 50;

/** Jobs that are added at once: few, because honest workers do thousands while hostile ones wait. */
const BATCH = 100;

/** Jobs that are not done, some of which wait for a hostile worker that has not been given up yet. */
const UNFINISHED_MAX = 2000;

/** Below this a run stays, whatever it is sent. A run that does nothing has about 70 MiB. */
const RESIDENT_BYTES_MAX = 500 * MEBIBYTE;

randomTest("a cluster loses no job among hostile workers, in memory", async () => {
  const simulation = new Simulation();
  const host = peerHost(simulation.network);
  const tally: Tally = { frames: 0, connections: 0 };
  const honest = await simulation.workers({ slots: 2, delayMs: 1 }, { slots: 1, delayMs: 2 });
  const cluster = simulation.cluster();
  honest.forEach((worker) => cluster.dial(worker));
  const hostile = await Promise.all(Array.from({ length: DIALED }, (_, index) => {
    return simulation.peer(hostileWorker(new Choices(SEED + index), tally));
  }));
  hostile.forEach((worker) => cluster.dial(worker));
  const intruders = intrude(cluster.listen(), tally, host);
  const inputs = [];
  while (tally.frames < FRAMES_IN_MEMORY) {
    if (cluster.cluster.hasRoom) {
      const batch = numberedInputs(BATCH);
      cluster.add(batch);
      inputs.push(...batch);
    }
    await simulation.advance(50);
  }
  cluster.cluster.end();
  await cluster.completed(inputs.length);
  cluster.assertEchoed(inputs);
  assertPolite(...honest);
  intruders.stop();
  for (const peer of hostile) await peer.close();
  await cluster.settled();
  await simulation.close();
  assert.equal(simulation.network.clock.timers, 0, "timers are left");
});

randomTest("a run loses no job among hostile workers", async () => {
  await using workspace = await Workspace.makeInMemory();
  await using honest = await startWorker({ slots: 2, lifeLimitMs: 600_000 });
  const tally: Tally = { frames: 0, connections: 0 };
  const hostile = await Promise.all(Array.from({ length: DIALED }, (_, index) => {
    return startPeer(hostileWorker(new Choices(SEED + index), tally));
  }));
  const workers = [honest, ...hostile].map(({ port }) => `127.0.0.1:${port}`).join(",");
  const args = ["--lines", "-", "--workers", workers, "--listen", "127.0.0.1:0"];
  const options = { isStdio: true, lifeLimitMs: 600_000 };
  await using run = await workspace.start(["run", await core("echo"), ...args], options);
  const [, port] = await run.printed("stderr", /waiting for workers on .*:(\d+)/);
  const intruders = intrude(Number(port), tally, thisMachine);
  let lines = 0;
  let hasEnded = false;
  void run.exited.then(() => hasEnded = true);
  while (tally.frames < FRAMES_TO_PROCESS) {
    assert(!hasEnded, run.stderr);
    if (lines - await jobsDone(workspace) < UNFINISHED_MAX) {
      for (const end = lines + BATCH; lines < end; lines++) run.type(`line ${lines}\n`);
    }
    await delay(20);
  }
  const residentBytes = await run.residentBytes();
  assert(residentBytes < RESIDENT_BYTES_MAX, `${Math.round(residentBytes / MEBIBYTE)} MiB`);
  // One of them may have jobs and hang, and would be given up after 20 seconds.
  intruders.stop();
  for (const peer of hostile) await peer.close();
  run.endInput();
  await run.endsCleanly();
  const names = Array.from({ length: lines }, (_, index) => index);
  const expected = Object.fromEntries(names.map((index) => [index, `line ${index}`]));
  assert.deepEqual(await workspace.outputsByNumber(), expected);
  assert.doesNotMatch(run.stderr, /\bat \S+:\d+:\d+/, "no stack");
});

/** Hostile workers that connect to a port, and connect again. */
function intrude(port: number, tally: Tally, host: PeerHost): { stop(): void } {
  const intruders = Array.from({ length: CONNECTING }, (_, index) => {
    return new Intruder(port, new Choices(SEED + DIALED + index), tally, host);
  });
  return { stop: () => intruders.forEach((intruder) => intruder.stop()) };
}

class Intruder {
  readonly #port: number;
  readonly #choices: Choices;
  readonly #script: Script;
  readonly #host: PeerHost;
  #disconnect = () => {};
  #isStopped = false;

  constructor(port: number, choices: Choices, tally: Tally, host: PeerHost) {
    this.#port = port;
    this.#choices = choices;
    this.#script = hostileWorker(choices, tally);
    this.#host = host;
    void this.#connect();
  }

  stop(): void {
    this.#isStopped = true;
    this.#disconnect();
  }

  async #connect(): Promise<void> {
    const socket = await this.#host.dial(this.#port).catch(() => undefined);
    if (!socket || this.#isStopped) return void socket?.destroy();
    this.#disconnect = () => socket.destroy();
    socket.once("close", () => {
      if (this.#isStopped) return;
      const pauseMs = this.#choices.between(1, PAUSE_MS_MAX);
      this.#disconnect = this.#host.after(pauseMs, () => void this.#connect());
    });
    this.#script(new Session(socket, new Statistics(), this.#host));
  }
}

async function jobsDone(workspace: Workspace): Promise<number> {
  return (await readdir(workspace.at("outputs")).catch(() => [])).length;
}
