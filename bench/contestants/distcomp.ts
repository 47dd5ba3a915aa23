/** distcomp itself, in each of its forms: the worker alone, controller and worker, and the whole program with files. */

import { existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { outputOf, startWorker } from "../programs.ts";
import {
  type Contestant,
  type Entry,
  type Ground,
  MissingError,
  type RunJobs,
  windowOf,
} from "./contestant.ts";

/** The program in one form. */
export interface Form {
  readonly name: string;
  /** The command that starts it. What it needs is built or installed when it is asked for first. */
  command(): Promise<readonly string[]>;
}

/** A worker gets as many jobs ahead as a large window of our own controller has. */
const WINDOW_FACTOR = 4;

/** Files per run: some seconds of work, and no more bytes than a small disk has. */
const FILES_MAX = 20_000;
const FILE_BYTES_MAX = 100 * 1024 * 1024;

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

async function openWorker(form: Form, { core, slots, compile }: Ground): Promise<Contestant> {
  const controller = await compile("controller");
  const worker = await startWorker(await form.command(), [`--slots=${slots}`]);
  const run: RunJobs = async (jobs, bytes) => {
    const window = WINDOW_FACTOR * windowOf(bytes, slots);
    const args = [`${worker.port}`, core, `${jobs}`, `${bytes}`, `${window}`];
    return Number(await outputOf([controller, ...args]));
  };
  return { measure: { kind: "jobs", run }, close: () => worker.stop() };
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
    const inputs = await inputsIn(ground.folder, jobs, bytes);
    return await secondsOf(command, ground, [inputs, "-o", join(ground.folder, "outputs")]);
  };
  return { measure: { kind: "fixed jobs", run, jobs: filesOf } };
}

async function openPacks(form: Form, ground: Ground): Promise<Contestant> {
  const command = await form.command();
  if (!/--pack\b/.test(await outputOf([...command, "help", "run"]))) {
    throw new MissingError("this distcomp has no --pack");
  }
  const run: RunJobs = async (jobs, bytes) => {
    const inputs = await inputsIn(ground.folder, jobs, bytes);
    const tar = `${inputs}.tar`;
    if (!existsSync(tar)) await outputOf(["tar", "cf", tar, "-C", inputs, "."]);
    const pack = join(ground.folder, "outputs.tar");
    return await secondsOf(command, ground, ["--inputs", tar, "--pack", pack]);
  };
  return { measure: { kind: "fixed jobs", run, jobs: filesOf } };
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

function filesOf(bytes: number): number {
  return Math.min(FILES_MAX, Math.floor(FILE_BYTES_MAX / bytes));
}

/** A folder with so many files. It is kept for the next run. */
async function inputsIn(folder: string, files: number, bytes: number): Promise<string> {
  const inputs = join(folder, `inputs-${bytes}-${files}`);
  if (existsSync(inputs)) return inputs;
  await mkdir(inputs);
  const content = new Uint8Array(bytes).fill(42);
  for (let index = 0; index < files; index++) {
    await writeFile(join(inputs, String(index).padStart(6, "0")), content);
  }
  return inputs;
}
