/**
 * What this process knows of itself, for what slots load as well: `node:process` has all of it, and Deno takes 25 ms of
 * CPU time to load that.
 */

import type process from "node:process";

type NodeProcess = typeof process;

const deno = "Deno" in globalThis ? Deno : undefined;

/** `node:process`. Deno loads it with the first call. */
export function nodeProcess(): NodeProcess {
  return (globalThis as unknown as { process: NodeProcess }).process;
}

/** The system, in the words of `node:process`. */
export const platform: string = deno ? deno.build.os : nodeProcess().platform;

/** The kind of CPU, likewise: `x64` or `arm64`. */
export const arch: string = deno
  ? { x86_64: "x64", aarch64: "arm64" }[deno.build.arch]
  : nodeProcess().arch;

/** The id of this process. */
export const pid: number = deno?.pid ?? nodeProcess().pid;

/** What the user typed, as far as it is UTF-8. */
export function argumentsGiven(): string[] {
  return deno ? [...deno.args] : nodeProcess().argv.slice(2);
}

/** A variable of the environment. */
export function variable(name: string): string | undefined {
  return deno ? deno.env.get(name) : nodeProcess().env[name];
}

/** Ends this process at once. */
export function endProcess(code: number): never {
  return deno ? deno.exit(code) : nodeProcess().exit(code);
}
