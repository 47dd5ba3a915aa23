/** distcomp itself, in each of its forms: the worker alone, controller and worker, and the whole program with files. */

import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { entriesOfTar, inputFolder, inputTar } from "../inputs.ts";
import { NEAR_BYTES_MAX, NEAR_JOBS } from "../../pool/endpoint.ts";
import { outputOf, startWorker, type WorkerProcess } from "../programs.ts";
import {
  type Contestant,
  type Entry,
  type Ground,
  MissingError,
  type RunJobs,
} from "./contestant.ts";

/** The program in one form. */
export interface Form {
  readonly name: string;
  /** The command that starts it. What it needs is built or installed when it is asked for first. */
  command(): Promise<readonly string[]>;
}

/** The most jobs that the worker alone has in flight, per slot. Our own controller has about as many of 64 bytes. */
const WINDOW_JOBS_MAX = 1024;

/** Jobs per run: some seconds of work, and no more bytes than a small disk has. */
const FILES_MAX = 50_000;
const FILE_BYTES_MAX = 256 * 1024 * 1024;

/** All contestants of one form. */
export function entriesOf(form: Form): Entry[] {
  return [
    {
      name: `worker (${form.name})`,
      group: "distcomp",
      what: "the worker alone, under a controller in C",
      open: (ground) => openWorker(form, ground),
    },
    {
      name: `memory (${form.name})`,
      group: "distcomp",
      what: "run and worker, inputs and outputs in memory: distcomp bench",
      open: (ground) => openMemory(form, ground),
    },
    {
      name: `files (${form.name})`,
      group: "distcomp",
      what: "the whole program: a folder of inputs to a folder of outputs, with the journal",
      open: (ground) => openFiles(form, ground),
    },
    {
      name: `packs (${form.name})`,
      group: "distcomp",
      what: "the whole program: a tar of inputs to a tar of outputs, with the journal",
      open: (ground) => openPacks(form, ground),
    },
  ];
}

async function openWorker(form: Form, ground: Ground): Promise<Contestant> {
  const worker = await startWorker(await form.command(), [`--slots=${ground.slots}`]);
  const run = await loadOf(worker, ground);
  return { measure: { kind: "jobs", run }, close: () => worker.stop() };
}

/** Runs jobs on a worker by a controller in C. */
export async function loadOf(
  { port }: WorkerProcess,
  { core, slots, compile }: Ground,
): Promise<RunJobs> {
  const controller = await compile("controller");
  return async (jobs, bytes) => {
    const args = [`${port}`, core, `${jobs}`, `${bytes}`, `${windowOfWorker(bytes, slots)}`];
    return Number(await outputOf([controller, ...args]));
  };
}

/** As many jobs in flight as our own controller has at a worker on the same machine. */
function windowOfWorker(bytes: number, slots: number): number {
  const jobs = Math.min(WINDOW_JOBS_MAX * slots, Math.floor(NEAR_BYTES_MAX / bytes));
  return Math.max(NEAR_JOBS * slots, jobs);
}

async function openMemory(form: Form, { core, slots, folder }: Ground): Promise<Contestant> {
  const command = await form.command();
  const rate = async (bytes: number, seconds: number) => {
    const input = join(folder, `input-${bytes}`);
    await writeFile(input, new Uint8Array(bytes).fill(42));
    // A half of its time is for single jobs, and for warming up.
    const args = [core, input, "--json", `--slots=${slots}`, `--time=${2 * seconds}s`];
    const { workers: [figures] } = JSON.parse(
      await outputOf([...command, "bench", ...args], ALONE),
    );
    return figures.jobs_per_s as number;
  };
  return { measure: { kind: "time", rate } };
}

async function openFiles(form: Form, ground: Ground): Promise<Contestant> {
  const command = await form.command();
  const run: RunJobs = async (jobs, bytes) => {
    const inputs = await inputFolder(ground.folder, jobs, bytes);
    return await secondsOf(command, ground, [inputs, "-o", join(ground.folder, "outputs")]);
  };
  const jobs = (bytes: number) => Math.min(FILES_MAX, Math.floor(FILE_BYTES_MAX / bytes));
  return { measure: { kind: "whole runs", run, jobs } };
}

async function openPacks(form: Form, ground: Ground): Promise<Contestant> {
  const command = await form.command();
  if (!/--pack\b/.test(await outputOf([...command, "help", "run"]))) {
    throw new MissingError("this distcomp has no --pack");
  }
  const run: RunJobs = async (jobs, bytes) => {
    const tar = inputTar(ground.folder, jobs, bytes);
    const pack = join(ground.folder, "outputs.tar");
    return await secondsOf(command, ground, ["--inputs", tar, "--pack", pack]);
  };
  return { measure: { kind: "whole runs", run, jobs: entriesOfTar } };
}

/** How long a whole run takes, from its start to its end. Its outputs are removed. */
async function secondsOf(
  command: readonly string[],
  { core, slots, folder }: Ground,
  args: readonly string[],
): Promise<number> {
  const startedAtMs = performance.now();
  await outputOf([...command, "run", core, ...args, "--quiet", `--slots=${slots}`], ALONE);
  const seconds = (performance.now() - startedAtMs) / 1000;
  for (const name of await readdir(folder)) {
    if (name.startsWith("outputs")) await rm(join(folder, name), { recursive: true });
  }
  return seconds;
}

/** Whatever workers the user has named for other runs, these use this machine. */
const ALONE = { env: { DISTCOMP_WORKERS: "" } };
