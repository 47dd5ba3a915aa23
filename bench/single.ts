/**
 * Measures one job at a time: how long a program waits for `session.run`, against a controller in C that sends the
 * next job when the last one is answered, over the same worker, in turn.
 *
 *     deno task bench:single [--jobs 5000] [--bytes 64] [--rounds 5] [--worker ./distcomp]
 *
 * Prints one line of JSON with medians: microseconds per job of both, and how many times as long ours takes.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { Session } from "../mod.ts";
import { Ground } from "./ground.ts";
import { medianOf } from "./measurement.ts";
import { buildEcho, outputOf, sourceCommand, startWorker } from "./programs.ts";

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "5000" },
    bytes: { type: "string", default: "64" },
    rounds: { type: "string", default: "5" },
    worker: { type: "string" },
  },
});
const [jobs, bytes] = [Number(values.jobs), Number(values.bytes)];

using ground = new Ground();
const core = await buildEcho(ground.folder);
const controller = await ground.program("controller");
const program = values.worker ? [values.worker] : sourceCommand();
const worker = await startWorker(program, ["--slots=1"]);
const session = await Session.open({ core, workers: [worker.address] });
const usOfC: number[] = [], usOfSession: number[] = [];
try {
  await single(1000); // warms up the compilers
  for (let round = 0; round < Number(values.rounds); round++) {
    const seconds = Number(await outputOf([controller, `${worker.port}`, core, ...size(), "1"]));
    usOfC.push(1e6 * seconds / jobs);
    usOfSession.push(await single(jobs));
  }
} finally {
  await session.close();
  await worker.stop();
}
const [c, ours] = [medianOf(usOfC), medianOf(usOfSession)];
console.log(JSON.stringify({
  jobs,
  bytes,
  c_us_per_job: Math.round(c),
  session_us_per_job: Math.round(ours),
  times: Number((ours / c).toFixed(2)),
}));
process.exit(0);

function size(): string[] {
  return [`${jobs}`, `${bytes}`];
}

/** Microseconds per job. */
async function single(count: number): Promise<number> {
  const input = new Uint8Array(bytes).fill(42);
  const startedAtMs = performance.now();
  for (let index = 0; index < count; index++) await session.run(input);
  return 1000 * (performance.now() - startedAtMs) / count;
}
