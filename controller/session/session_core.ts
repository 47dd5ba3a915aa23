/** The compute core of a session, from its file or from memory. */

import { fileURLToPath } from "node:url";
import { sha256InTurns } from "../../system/sha256.ts";
import { coreOfBuilds } from "../workers/core_builds.ts";
import { type CoreImage, coreImage, readCoreImage } from "../workers/core_image.ts";
import type { CoreOptions, CoreSource } from "./types.ts";

/** The same options with copies of the bytes in them: the caller may change its own at once. */
export function withOwnBytes<O extends CoreOptions>(options: O): O {
  const { core } = options;
  return { ...options, core: isBuilds(core) ? core.map(ownBytes) : ownBytes(core) };
}

function ownBytes(core: CoreSource): CoreSource {
  return core instanceof Uint8Array ? new Uint8Array(core) : core;
}

/** Reads a core, or takes its content. `isLocal`: this machine loads it. */
export async function sessionCore(options: CoreOptions, isLocal: boolean): Promise<CoreImage> {
  const { core } = options;
  if (!isBuilds(core)) return await imageOf(core, options, isLocal);
  const images: CoreImage[] = [];
  for (const build of core) images.push(await imageOf(build, options, false));
  return coreOfBuilds(images, isLocal);
}

function isBuilds(core: CoreOptions["core"]): core is readonly CoreSource[] {
  return Array.isArray(core);
}

async function imageOf(
  core: CoreSource,
  { with: beside, env: variables }: CoreOptions,
  isLocal: boolean,
): Promise<CoreImage> {
  if (core instanceof Uint8Array) {
    return coreImage("core", core, variables, await sha256InTurns(core));
  }
  const path = core instanceof URL ? fileURLToPath(core) : core;
  return await readCoreImage(path, isLocal, { beside, variables });
}
