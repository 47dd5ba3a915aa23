/**
 * What `mod.ts` imports first. A program that was bundled or compiled with distcomp is also its own worker: the process
 * that a session starts for that is this program once more. It takes its role here, and never gets to its own code.
 *
 * This waits for ever in such a process, and does nothing in any other.
 *
 * @module
 */

import process from "node:process";
import { SPAWNED_AS } from "../system/spawned_as.ts";

const [role = ""] = process.argv.slice(2);
if (process.env[SPAWNED_AS] === role && (role === "local-worker" || role === "slot")) {
  const { runSpawned } = await import("./spawned_process.ts");
  await runSpawned();
}
