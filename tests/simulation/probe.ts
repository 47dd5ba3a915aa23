/** Asks a simulated worker what it has to do, as a controller without jobs would. */

import assert from "node:assert/strict";
import {
  concat,
  encodeFrame,
  FieldReader,
  FrameReader,
  int32,
  PING,
  VERSION,
} from "../fixtures/peers/frames.ts";
import { MemoryDisk } from "../lib/memory_files.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import { SimulatedProcess } from "./process.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** How long a worker may take to answer. */
const LIMIT_MS = 10_000;

/** What a worker says of its load. */
export interface Load {
  readonly slotsBusy: number;
  readonly jobsWaiting: number;
}

/** The load of a worker. */
export async function probe(
  timeline: Timeline,
  network: Network,
  random: Random,
  machine: Machine,
): Promise<Load> {
  const host = network.host("probe", { latencyMs: 0, jitter: 0 }, new MemoryDisk());
  const process = new SimulatedProcess(timeline, host, random);
  let load: Load | undefined;
  let error: unknown;
  ask(process, machine).then((answer) => load = answer, (cause) => error = cause);
  const untilMs = timeline.nowMs + LIMIT_MS;
  while (!load && !error && timeline.nowMs < untilMs && await timeline.step());
  process.kill();
  if (error) throw error;
  assert(load, `${machine.plan.name} does not answer`);
  return load;
}

async function ask(process: SimulatedProcess, machine: Machine): Promise<Load> {
  const stream = await process.runtime.dial(machine.address, LIMIT_MS);
  const version = encodeFrame({ type: VERSION, id: 1n, payload: int32(2) });
  const ping = encodeFrame({ type: PING, id: 2n, payload: new Uint8Array(0) });
  await stream.write(concat(version, ping) as Uint8Array<ArrayBuffer>);
  const frames = new FrameReader();
  for (;;) {
    const space = new Uint8Array(1_024);
    const bytes = await stream.read(space);
    assert(bytes !== null, `${machine.plan.name} closes the connection`);
    const pong = frames.push(space.slice(0, bytes)).find(({ id }) => id === 2n);
    if (!pong) continue;
    const fields = new FieldReader(pong.payload);
    return { slotsBusy: fields.u32(), jobsWaiting: Number(fields.u64()) };
  }
}
