/** The compute core of a session, from its file or from memory. */

import { fileURLToPath } from "node:url";
import { sha256InTurns } from "../../system/sha256.ts";
import { type CoreImage, coreImage, readCoreImage } from "../workers/core_image.ts";
import type { CoreOptions } from "./types.ts";

/** Reads a core, or takes its content. `isLocal`: this machine loads it. */
export async function sessionCore(options: CoreOptions, isLocal: boolean): Promise<CoreImage> {
  const { core, with: beside, env: variables } = options;
  if (core instanceof Uint8Array) {
    return coreImage("core", core, variables, await sha256InTurns(core));
  }
  const path = core instanceof URL ? fileURLToPath(core) : core;
  return await readCoreImage(path, isLocal, { beside, variables });
}
