/**
 * Workers in the test's own process: for limits that have no command-line option, for fake slots without
 * processes, and for virtual time.
 */

import { setTimeout as realDelay } from "node:timers/promises";
import { detectRuntime } from "../../runtime/detect.ts";
import type { Runtime, StreamListener } from "../../runtime/ports.ts";
import { acceptControllers } from "../../worker/serve.ts";
import { type OwnWorkerOptions, Worker } from "../../worker/worker.ts";
import { eventually } from "../lib/processes.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";
import { FakeSlots, type FakeSlotsOptions } from "./fake_slots.ts";

/** As for a `Program`: the worker ends after this time, so that a test that waits in vain fails. */
const LIFE_LIMIT_MS = 150_000;

/** The processes of a worker's slots, and those in which it has checked cores. */
interface Processes {
  started: number;
  running: number;
}

/** How a worker's jobs reach its slots, and their responses come back. */
export type Transport = "memory" | "socket";

/**
 * A worker with real slots and real time, and one slot unless told otherwise. `transport`: "socket" as on a system that
 * has no memory to share.
 */
export function startOwnWorker(
  options: Partial<OwnWorkerOptions> & { readonly transport?: Transport } = {},
): Promise<OwnWorker> {
  return OwnWorker.start(options, undefined, undefined);
}

/** A worker with real slots, in virtual time. */
export async function startTimedWorker(
  options: Partial<OwnWorkerOptions> = {},
): Promise<OwnWorker & { readonly clock: VirtualClock }> {
  const clock = new VirtualClock();
  return Object.assign(await OwnWorker.start(options, clock, undefined), { clock });
}

/** A worker whose slots are fakes, in virtual time. */
export async function startFakeWorker(
  options: Partial<OwnWorkerOptions> & FakeSlotsOptions = {},
): Promise<OwnWorker & { readonly clock: VirtualClock; readonly fakes: FakeSlots }> {
  const clock = new VirtualClock();
  const fakes = new FakeSlots({ ...options, clock });
  return Object.assign(await OwnWorker.start(options, clock, fakes), { clock, fakes });
}

/** A worker that listens. At the end of the test its slots are killed. */
export class OwnWorker implements AsyncDisposable {
  readonly #lines: string[];
  readonly #listener: StreamListener;
  readonly #clock: VirtualClock | undefined;
  readonly #lifeLimit = setTimeout(() => void this[Symbol.asyncDispose](), LIFE_LIMIT_MS);

  private constructor(
    readonly worker: Worker,
    listener: StreamListener,
    readonly processes: Readonly<Processes>,
    lines: string[],
    clock: VirtualClock | undefined,
  ) {
    this.#listener = listener;
    this.#lines = lines;
    this.#clock = clock;
    void acceptControllers(worker, listener);
  }

  static async start(
    { transport, ...options }: Partial<OwnWorkerOptions> & { readonly transport?: Transport },
    clock: VirtualClock | undefined,
    fakes: FakeSlots | undefined,
  ): Promise<OwnWorker> {
    const processes = { started: 0, running: 0 };
    const detected = await detectRuntime();
    const { createMemory: _, ...withoutMemory } = detected;
    const real: Runtime = transport === "socket" ? withoutMemory : detected;
    const counted = counting(fakes ? fakes.replaceIn(real) : real, processes);
    const lines: string[] = [];
    const push = (line: string) => void lines.push(line);
    const log = { info: push, warn: push, printed: push };
    const runtime = clock ? { ...counted, clock } : counted;
    const worker = await Worker.start(runtime, { slots: 1, log, ...options });
    const listener = real.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
    return new OwnWorker(worker, listener, processes, lines, clock);
  }

  get port(): number {
    return (this.#listener.address as { port: number }).port;
  }

  /** What it has logged, and what its slots have printed. */
  get log(): string {
    return this.#lines.join("\n");
  }

  /** Waits until the log has it. */
  async logs(pattern: RegExp): Promise<void> {
    await eventually(`it logs ${pattern}`, () => pattern.test(this.log));
  }

  /** Waits until a controller has disconnected. */
  async isLeft(): Promise<void> {
    await this.logs(/disconnected/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#lifeLimit);
    this.#listener.close();
    this.worker.kill();
    const closed = this.worker.close();
    await (this.#clock ? elapse(this.#clock, closed) : closed);
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
function counting(runtime: Runtime, processes: Processes): Runtime {
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
