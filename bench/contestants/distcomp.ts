/** distcomp itself, in each of its forms: the worker alone, controller and worker, and the whole program with files. */

import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { outputOf, startWorker } from "../programs.ts";
import { type Contestant, type Entry, type Ground, windowOf } from "./contestant.ts";

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
  const entries: Entry[] = [
    {
      name: `worker (${form.name})`,
      group: "distcomp",
      what: "the worker alone, under a controller in C",
      open: (ground) => openWorker(form, ground),
    },
    {
      name: `run (${form.name})`,
      group: "distcomp",
      what: "the whole program: a folder of inputs to a folder of outputs, with the journal",
      open: (ground) => openRun(form, ground),
    },
  ];
  return entries;
}

async function openWorker(form: Form, ground: Ground): Promise<Contestant> {
  const { core, slots, compile } = ground;
  const controller = await compile("controller");
  const worker = await startWorker(await form.command(), [`--slots=${slots}`]);
  return {
    run: async (jobs, bytes) => {
      const window = WINDOW_FACTOR * windowOf(bytes, slots);
      const args = [`${worker.port}`, core, `${jobs}`, `${bytes}`, `${window}`];
      return Number(await outputOf([controller, ...args]));
    },
    close: () => worker.stop(),
  };
}

async function openRun(form: Form, ground: Ground): Promise<Contestant> {
  const { core, slots, folder } = ground;
  const command = await form.command();
  return {
    fixedJobs: filesOf,
    run: async (jobs, bytes) => {
      const inputs = await inputsIn(folder, jobs, bytes);
      const outputs = join(folder, "outputs");
      const args = ["run", core, inputs, "-o", outputs, "--quiet", `--slots=${slots}`];
      const startedAtMs = performance.now();
      await outputOf([...command, ...args], { env: { DISTCOMP_WORKERS: "" } });
      const seconds = (performance.now() - startedAtMs) / 1000;
      await rm(outputs, { recursive: true });
      return seconds;
    },
  };
}

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
