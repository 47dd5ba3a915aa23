/**
 * What a process of this program does: a command that somebody typed, or a part that another process of
 * ours has started it for.
 */

import process from "node:process";
import { detectRuntime } from "../runtime/detect.ts";
import { ownRole } from "../system/self.ts";
import { exit, useStderrOf } from "./stderr.ts";

/** What an executable can do, loaded when it is asked for: a slot, of which there are many, stays small. */
export interface Abilities {
  /** `run`. */
  readonly control?: () => Promise<typeof import("./run_command.ts")>;
  /** `worker`, and the worker that `run` starts for itself. */
  readonly work?: () => Promise<typeof import("./worker_command.ts")>;
  /** What a worker starts. */
  readonly slot?: () => Promise<typeof import("../slot/slot.ts")>;
}

/** Does what the command line says, and ends the process. */
export function main(abilities: Abilities): void {
  perform(abilities, process.argv.slice(2)).then(exit);
}

async function perform(abilities: Abilities, args: readonly string[]): Promise<number> {
  const runtime = await detectRuntime();
  useStderrOf(runtime);
  const [first, socket = "", number = ""] = args;
  if (first === "slot" && ownRole() === "slot" && abilities.slot) {
    const { runSlot } = await abilities.slot();
    return runSlot(runtime, socket, Number(number));
  }
  if (first === "local-worker" && ownRole() === "local-worker" && abilities.work) {
    const { localWorkerCommand } = await abilities.work();
    return await localWorkerCommand(runtime, socket, Number(number));
  }
  const { runApp } = await import("./app.ts");
  return await runApp(runtime, args, abilities);
}
