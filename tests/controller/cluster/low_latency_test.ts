/** Requests beside a batch: they wait for a free slot, and for no job that was sent ahead. */

import assert from "node:assert/strict";
import { whenLowLatency } from "../../../controller/cluster/low_latency.ts";
import type { ConnectedWorker } from "../../../controller/workers/connected_worker.ts";
import { test as plainTest } from "../../lib/test.ts";
import { numberedInputs, test } from "../simulation.ts";

const JOB_MS = 20;

for (
  const [name, slots] of [
    ["a request beside a batch ends within two jobs' time, with one slot", 1],
    ["a request beside a batch ends within two jobs' time, with several", 3],
  ] as const
) {
  test(name, async (simulation) => {
    const { clock, random } = simulation.network;
    const worker = await simulation.worker({ slots, delayMs: JOB_MS });
    const recorded = simulation.cluster({ isInteractive: true });
    recorded.dial(worker);
    const { clients } = recorded.cluster;
    const batch = clients.open();
    for (const input of numberedInputs(1000)) recorded.addTask({ index: -1, input }, batch);
    const requests = clients.open();
    requests.end(); // as for the calls of `run`: nobody knows of a further one
    const takenMs: number[] = [];
    for (let index = 0; index < 50; index++) {
      await clock.advance(JOB_MS * random.fraction());
      const task = { index, input: new Uint8Array(8) };
      recorded.addTask(task, requests);
      const addedAtMs = clock.now();
      await simulation.until("the request has ended", () => {
        return recorded.completions.some(({ job }) => job.payload === task);
      });
      takenMs.push(clock.now() - addedAtMs);
    }
    const worstMs = Math.max(...takenMs);
    assert(worstMs > JOB_MS && worstMs <= 2 * JOB_MS, `${worstMs} ms`);
  });
}

for (
  const [what, roundTripsMs, isNear, pings] of [
    ["a worker whose first round trips are slow is near if a later one is not", [9, 9, 1], true, 3],
    ["a worker is far whose round trips are all slow", Array<number>(20).fill(3), false, 10],
  ] as const
) {
  plainTest(what, () => {
    let asked = 0;
    let near = 0;
    const ping = (onAnswered: (ms: number) => void) => onAnswered(roundTripsMs[asked++] ?? NaN);
    const connection = { version: 2, ping };
    whenLowLatency({ isLocal: false, connection } as unknown as ConnectedWorker, () => near++);
    assert.deepEqual([near === 1, asked], [isNear, pings]);
  });
}
