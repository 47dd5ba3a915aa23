/** What no program can do better: the core in a loop, TCP without jobs, and the least worker. */

import { outputOf, startListening } from "../programs.ts";
import { type Entry, windowOf } from "./contestant.ts";
import { loadOf } from "./distcomp.ts";

/** The worker in C does not batch small inputs, and has memory for no larger ones. */
const BYTES_MIN = 64 * 1024;
const BYTES_MAX = 16 * 1024 * 1024;

/** Calls the core, and sends nothing. */
export const CORE_LOOP: Entry = {
  name: "core loop",
  group: "limit",
  what: "a C program per CPU that calls the core, nothing sent",
  open: async ({ compile, core, slots }) => {
    const program = await compile("core_loop");
    const run = async (jobs: number, bytes: number) =>
      Number(await outputOf([program, core, `${jobs}`, `${bytes}`, `${slots}`]));
    return { measure: { kind: "jobs", run } };
  },
};

/** Sends, and calls nothing. */
export const TCP_ECHO: Entry = {
  name: "TCP echo",
  group: "limit",
  what: "two C programs that send each other bytes over one connection, no core",
  open: async ({ compile }) => {
    const program = await compile("tcp_echo");
    const run = async (jobs: number, bytes: number) =>
      Number(await outputOf([program, `${jobs}`, `${bytes}`, `${windowOf(bytes, 1)}`]));
    return { measure: { kind: "jobs", run } };
  },
};

/** What the worker of distcomp could do with large inputs if its own code took no time. */
export const ISOLATED_WORKER: Entry = {
  name: "worker in C",
  group: "limit",
  what: "the least worker in C with its core in other processes, under the same controller",
  bytesMin: BYTES_MIN,
  bytesMax: BYTES_MAX,
  open: async (ground) => {
    const worker = await startListening([
      await ground.compile("isolated_worker"),
      `${ground.slots}`,
      `${BYTES_MAX}`,
    ]);
    return {
      measure: { kind: "jobs", run: await loadOf(worker, ground) },
      close: () => worker.stop(),
    };
  },
};
