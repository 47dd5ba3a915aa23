/**
 * A worker among hostile controllers. `DISTCOMP_TEST_SEED` repeats a test: exactly where all is in memory, as far
 * as real processes allow otherwise.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { detectRuntime } from "../../runtime/detect.ts";
import { systemFiles } from "../../runtime/files/system_files.ts";
import type { ByteStream, Runtime } from "../../runtime/ports.ts";
import { acceptControllers } from "../../worker/serve.ts";
import { Worker } from "../../worker/worker.ts";
import { coreBytes } from "../lib/cores.ts";
import { MemoryNetwork } from "../lib/memory_network.ts";
import { startWorker } from "../lib/processes.ts";
import { Choices, randomTest, RUNS_ALL, SEED } from "../lib/random.ts";
import { FakeSlots } from "../worker/fake_slots.ts";
import { elapse } from "../worker/own_worker.ts";
import { HonestController } from "./honest_controller.ts";
import { type Attack, attackWorker, type Damage, type Dial } from "./hostile_controller.ts";

const MEBIBYTE = 2 ** 20;

/** Frames of hostile controllers. */
const FRAMES_IN_MEMORY = RUNS_ALL ? 500_000 : 5_000;
const FRAMES_TO_PROCESS = RUNS_ALL ? 500_000 : 10_000;

/** Hostile controllers at once. */
const ATTACKERS = 4;

/** How many messages in a million cost a process: real ones take a fraction of a second to start. */
const DEADLY_IN_MEMORY = 2_000;
const DEADLY_TO_PROCESS = RUNS_ALL ? 100 : 500;

/** Below this a worker stays, whatever it is sent. A worker that does nothing has about 70 MiB. */
const RESIDENT_BYTES_MAX = 500 * MEBIBYTE;

/** A worker in memory answers everything, however fast virtual time passes. */
const HALF_CLOSED_MS = 86_400_000;

/** A rest after the work for a core may be under way when its controller has gone. */
const REST_MS_MAX = 100;

const CORE = await coreBytes("behave");
const CORES = { content: CORE, digest: new Uint8Array(createHash("sha256").update(CORE).digest()) };

randomTest("an honest controller loses nothing beside hostile ones, in memory", async () => {
  const network = new MemoryNetwork(SEED);
  const { clock } = network;
  const runtime = new FakeSlots({ clock }).replaceIn({
    ...network.runtime,
    files: systemFiles, // fake slots open the files of their worker
    selfCommand: () => [],
  });
  const worker = await Worker.start(runtime, { slots: 2, halfClosedMs: HALF_CLOSED_MS });
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  void acceptControllers(worker, listener);
  const dial = () => runtime.dial(listener.address, 0);
  const attack = (damage: Damage) => attackers(damage, dial, FRAMES_IN_MEMORY, DEADLY_IN_MEMORY);
  const seen = await elapse(clock, beside(dial, attack));
  assert(seen.honestJobs > 0);
  listener.close();
  await elapse(clock, worker.drain());
  await clock.advance(REST_MS_MAX);
  assert.equal(clock.timers, 0, "timers are left");
});

randomTest(
  "an honest controller loses nothing beside hostile ones, with a real worker",
  async () => {
    await using worker = await startWorker({ slots: 2, lifeLimitMs: 600_000 });
    const runtime = await detectRuntime();
    const dial = dialing(runtime, worker.port);
    const attack = (damage: Damage) =>
      attackers(damage, dial, FRAMES_TO_PROCESS, DEADLY_TO_PROCESS);
    const seen = await beside(dial, attack);
    assert(seen.honestJobs > 0);
    const residentBytes = await worker.residentBytes();
    assert(residentBytes < RESIDENT_BYTES_MAX, `${Math.round(residentBytes / MEBIBYTE)} MiB`);
    assert.doesNotMatch(worker.stderr, /\bat \S+:\d+:\d+/, "no stack");
  },
);

/** Runs an honest controller while others attack. Stalled connections are closed at the end. */
async function beside(
  dial: Dial,
  attack: (damage: Damage) => Promise<void>,
): Promise<{ honestJobs: number }> {
  const damage: Damage = { frames: 0, connections: 0, stalled: [] };
  const honest = await HonestController.connect(await dial(), CORE);
  const ending = new AbortController();
  const running = honest.run(ending.signal);
  running.catch(() => {});
  try {
    await Promise.race([attack(damage), running]);
  } finally {
    ending.abort();
  }
  await running;
  await honest.ping();
  honest.close();
  for (const stream of damage.stalled) stream.close();
  return { honestJobs: honest.jobs };
}

async function attackers(
  damage: Damage,
  dial: Dial,
  frames: number,
  deadlyPerMillion: number,
): Promise<void> {
  const each = (index: number): Attack => {
    return { dial, choices: new Choices(SEED + index), cores: CORES, deadlyPerMillion, damage };
  };
  await Promise.all(
    Array.from({ length: ATTACKERS }, (_, index) => attackWorker(each(index), frames)),
  );
}

function dialing(runtime: Runtime, port: number): () => Promise<ByteStream> {
  return () => runtime.dial({ kind: "tcp", host: "127.0.0.1", port }, 10_000);
}
