/** What no program can do better: the core in a loop, and TCP without jobs. */

import { outputOf } from "../programs.ts";
import { type Entry, windowOf } from "./contestant.ts";

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
