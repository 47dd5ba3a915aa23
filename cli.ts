/**
 * distcomp: the program. It chooses the adapter for its runtime and what it is to be, then calls one
 * function; a slot, of which there are many, loads nothing of the command line.
 */

import process from "node:process";
import { detectRuntime } from "./runtime/detect.ts";
import { ownRole } from "./runtime/self.ts";

async function main(args: readonly string[]): Promise<number> {
  const runtime = await detectRuntime();
  const [first, socket = "", number = ""] = args;
  if (first === "slot" && ownRole() === "slot") {
    const { runSlot } = await import("./worker/slot.ts");
    runSlot(runtime, socket, Number(number));
    return 0;
  }
  if (first === "local-worker" && ownRole() === "local-worker") {
    const { localWorkerCommand } = await import("./cli/worker_command.ts");
    return await localWorkerCommand(runtime, socket, Number(number));
  }
  const { runApp } = await import("./cli/app.ts");
  return await runApp(runtime, args);
}

main(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
