/** Other systems that do the same work, if they are installed. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { entriesOfTar, inputTar } from "../inputs.ts";
import { isInstalled, outputOf, ROOT } from "../programs.ts";
import {
  type Contestant,
  type Entry,
  type Ground,
  MissingError,
  type RunJobs,
  windowOf,
} from "./contestant.ts";

/** Open MPI refuses to start as root, or more processes than CPUs, unless it is told to. */
const MPI_OPTIONS = ["--allow-run-as-root", "--oversubscribe", "--mca", "btl", "self,tcp"];

/** A master and a process per CPU, over TCP: what somebody writes who wants it fast. All ratios are to this. */
export const MPI: Entry = {
  name: "MPI",
  group: "peer",
  what: "Open MPI over TCP: a master in C and a process per CPU",
  open: async ({ compile, slots }) => {
    await checkMpi();
    const program = await compile("mpi_echo", "mpicc");
    const run: RunJobs = async (jobs, bytes) => {
      const work = [program, `${jobs}`, `${bytes}`, `${windowOf(bytes, 1)}`];
      return Number(await outputOf(mpirun(slots, work)));
    };
    return { measure: { kind: "jobs", run } };
  },
};

/** The same with files: what a run from a tar to a pack is compared with. */
export const MPI_FILES: Entry = {
  name: "MPI with files",
  group: "peer",
  what: "the same from a tar of inputs to a tar of outputs, without a journal",
  open: async ({ compile, folder, slots }) => {
    await checkMpi();
    const program = await compile("mpi_files", "mpicc");
    const outputs = join(folder, "mpi-outputs.tar");
    const run: RunJobs = async (jobs, bytes) => {
      const work = [program, inputTar(folder, jobs, bytes), outputs, `${bytes}`];
      const command = mpirun(slots, [...work, `${windowOf(bytes, 1)}`]);
      const seconds = await secondsOf(() => outputOf(command));
      await rm(outputs);
      return seconds;
    };
    return { measure: { kind: "whole runs", run, jobs: entriesOfTar } };
  },
};

async function checkMpi(): Promise<void> {
  if (await isInstalled("mpicc") && await isInstalled("mpirun")) return;
  throw new MissingError("apt-get install openmpi-bin libopenmpi-dev");
}

/** The command for a master and a process per slot. */
function mpirun(slots: number, program: readonly string[]): readonly string[] {
  return ["mpirun", ...MPI_OPTIONS, "-n", `${slots + 1}`, ...program];
}

/** A process per job, which reads a file; its output comes through a pipe. */
export const PARALLEL: Entry = {
  name: "GNU Parallel",
  group: "peer",
  what: "cat of a file, a process per job",
  open: async ({ folder, slots }) => {
    if (!await isInstalled("parallel")) throw new MissingError("apt-get install parallel");
    const input = join(folder, "parallel-input");
    const run: RunJobs = async (jobs, bytes) => {
      await writeFile(input, new Uint8Array(bytes));
      const script =
        `yes ${input} | head -n ${jobs} | parallel -j ${slots} cat >${folder}/parallel-out`;
      return await secondsOf(() => outputOf(["bash", "-c", script], { env: { HOME: folder } }));
    };
    return { measure: { kind: "jobs", run } };
  },
};

export const DASK: Entry = python("Dask", "dask", "dask.distributed, a worker process per CPU");
export const RAY: Entry = python("Ray", "ray", "remote functions of Python, a process per CPU");
export const HYPERQUEUE: Entry = {
  ...python("HyperQueue", "hyperqueue", "/bin/true, a process per job; no input, no output"),
  bytesMax: 64,
};

/** The three that are driven from Python stay open between measurements: their start takes seconds. */
function python(name: string, module: string, what: string): Entry {
  return { name, group: "peer", what, open: (ground) => openPython(module, ground) };
}

async function openPython(module: string, { folder, slots }: Ground): Promise<Contestant> {
  if (!await isInstalled("python3")) throw new MissingError("there is no python3");
  const script = join(ROOT, "bench/programs/python_peers.py");
  const child = spawn("python3", [script, module, `${slots}`], {
    cwd: folder,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = once(child, "exit");
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${module} has ended`);
      if (value.startsWith("missing: ")) throw new MissingError(value.slice("missing: ".length));
      const match = pattern.exec(value);
      if (match) return match;
    }
  };
  await next(/^ready$/);
  const run: RunJobs = async (jobs, bytes) => {
    child.stdin.write(`${jobs} ${bytes} ${4 * windowOf(bytes, slots)}\n`);
    return Number((await next(/^seconds (.*)$/))[1]);
  };
  return {
    measure: { kind: "jobs", run },
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

async function secondsOf(action: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await action();
  return (performance.now() - startedAtMs) / 1000;
}
