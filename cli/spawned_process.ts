/** A process that a program has started as its own worker, or a slot of it. */

import { detectRuntime } from "../runtime/detect.ts";
import { ExitCode } from "./exit_code.ts";
import { runSpawnedRole } from "./spawned_role.ts";
import { exit, useStderrOf } from "./stderr.ts";

/** Takes the role that the arguments say, and ends this process. */
export async function runSpawned(args: readonly string[]): Promise<never> {
  const runtime = await detectRuntime();
  useStderrOf(runtime);
  const status = await runSpawnedRole(runtime, args, {
    localWorker: () => import("./local_worker_command.ts"),
    slot: () => import("../slot/slot.ts"),
  });
  return await exit(status ?? ExitCode.usage);
}
