/** A worker in the test's own process: for limits that the command line has no option for. */

import { detectRuntime } from "../../runtime/detect.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { serveListener } from "../../worker/controllers/serve.ts";
import { Worker, type WorkerOptions } from "../../worker/worker.ts";

/** As for a `Program`: a test that waits in vain fails, because the worker ends. */
const LIFE_LIMIT_MS = 60_000;

/** A worker with one slot that listens, and where. */
export interface OwnWorker extends AsyncDisposable {
  readonly worker: Worker;
  readonly port: number;
  readonly processes: Processes;
}

/** The processes of a worker's slots, and those in which it has tried cores. */
export interface Processes {
  readonly started: number;
  readonly running: number;
}

/** Starts one. At the end of the test its slots are killed. */
export async function startOwnWorker(limits: Partial<WorkerOptions> = {}): Promise<OwnWorker> {
  const processes = { started: 0, running: 0 };
  const runtime = counting(await detectRuntime(), processes);
  const worker = await Worker.start(runtime, { slots: 1, ...limits });
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const { port } = listener.address as { port: number };
  void serveListener(worker, listener);
  const lifeLimit = setTimeout(end, LIFE_LIMIT_MS);
  return { worker, port, processes, [Symbol.asyncDispose]: end };

  async function end(): Promise<void> {
    clearTimeout(lifeLimit);
    listener.close();
    worker.kill();
    await worker.close();
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
