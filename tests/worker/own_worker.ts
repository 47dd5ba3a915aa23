/**
 * A worker in the test's own process: for limits that the command line has no option for, for slots that are
 * no processes, and for time that passes only when the test says so.
 */

import { setTimeout as realDelay } from "node:timers/promises";
import { detectRuntime } from "../../runtime/detect.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { acceptControllers } from "../../worker/serve.ts";
import { Worker, type WorkerOptions } from "../../worker/worker.ts";
import { eventually } from "../lib/processes.ts";
import type { VirtualClock } from "../lib/virtual_clock.ts";
import type { FakeSlots } from "./fake_slots.ts";

/** As for a `Program`: a test that waits in vain fails, because the worker ends. */
const LIFE_LIMIT_MS = 60_000;

/** A worker that listens, and where. */
export interface OwnWorker extends AsyncDisposable {
  readonly worker: Worker;
  readonly port: number;
  readonly processes: Processes;
  /** The warnings, the connections, and what slots have printed, one a line. */
  readonly log: string;
  /** Waits until the log has it. */
  logs(pattern: RegExp): Promise<void>;
}

/** The processes of a worker's slots, and those in which it has checked cores. */
export interface Processes {
  readonly started: number;
  readonly running: number;
}

/** What takes the place of the real thing. */
export interface Replacements {
  readonly clock?: VirtualClock;
  readonly slots?: FakeSlots;
}

/** Starts a worker with one slot, unless told otherwise. At the end of the test its slots are killed. */
export async function startOwnWorker(
  options: Partial<WorkerOptions> = {},
  { clock, slots }: Replacements = {},
): Promise<OwnWorker> {
  const processes = { started: 0, running: 0 };
  const real = await detectRuntime();
  const counted = counting(slots ? slots.replaceIn(real) : real, processes);
  const runtime = clock ? { ...counted, clock } : counted;
  const lines: string[] = [];
  const push = (line: string) => void lines.push(line);
  const log = { info: push, warn: push, printed: push };
  const worker = await Worker.start(runtime, { slots: 1, log, ...options });
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const { port } = listener.address as { port: number };
  void acceptControllers(worker, listener);
  const lifeLimit = setTimeout(end, LIFE_LIMIT_MS);
  return {
    worker,
    port,
    processes,
    get log() {
      return lines.join("\n");
    },
    logs: async (pattern) => {
      await eventually(`it logs ${pattern}`, () => pattern.test(lines.join("\n")));
    },
    [Symbol.asyncDispose]: end,
  };

  async function end(): Promise<void> {
    clearTimeout(lifeLimit);
    listener.close();
    worker.kill();
    const closed = worker.close();
    await (clock ? elapse(clock, closed) : closed);
  }
}

/**
 * Lets virtual time pass until a promise has settled, slowly enough for real processes and sockets to do
 * meanwhile what takes them no time worth mentioning.
 */
export async function elapse<T>(clock: VirtualClock, promise: Promise<T>, stepMs = 50): Promise<T> {
  let hasSettled = false;
  const settle = () => void (hasSettled = true);
  promise.then(settle, settle);
  for (;;) {
    await realDelay(1);
    if (hasSettled) return await promise;
    await clock.advance(stepMs);
  }
}

/** The same runtime, which counts the processes that it starts. */
function counting(runtime: Runtime, processes: { started: number; running: number }): Runtime {
  return {
    ...runtime,
    spawn: (...what) => {
      const child = runtime.spawn(...what);
      processes.started += 1;
      processes.running += 1;
      void child.ended.then(() => processes.running -= 1);
      return child;
    },
  };
}
