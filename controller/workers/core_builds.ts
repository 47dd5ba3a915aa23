/** A core that is built for several platforms: each worker gets the build that fits it. */

import { libraryFor, platformOf } from "../../core/platform.ts";
import type { CoreKey } from "../../pool/types.ts";
import { CoreFileError } from "../../system/core_file.ts";
import { hostPlatform } from "../../system/host.ts";
import { sha256Of } from "../../system/sha256.ts";
import type { RefusalOf } from "./connected_worker.ts";
import { type CoreBuild, type CoreCompany, type CoreImage, readCoreImage } from "./core_image.ts";

/** Reads and checks the builds of a core. `isLocal`: this machine will load one of them. */
export async function readCoreBuilds(
  files: readonly string[],
  isLocal: boolean,
  company?: CoreCompany,
): Promise<CoreImage> {
  const [file = ""] = files;
  if (files.length <= 1) return await readCoreImage(file, isLocal, company);
  const images: CoreImage[] = [];
  for (const each of files) images.push(await readCoreImage(each, false, company));
  return coreOfBuilds(images, isLocal);
}

/** One core of several builds, for as many platforms. Its key is one of all of them, in any order. */
export function coreOfBuilds(images: readonly CoreImage[], isLocal: boolean): CoreImage {
  const [first] = images;
  if (first === undefined) throw new CoreFileError("", "there is no file");
  if (images.length === 1) return first;
  const builds: CoreBuild[] = [];
  for (const image of images) {
    const platform = platformOf(image.content);
    if (platform === undefined) throw new CoreFileError(image.name, "it is not a shared library");
    const other = builds.find((build) => build.platform === platform);
    if (other) {
      const problem = `it is for ${platform}, as "${other.image.name}" is; name one of the two`;
      throw new CoreFileError(image.name, problem);
    }
    builds.push({ platform, image });
  }
  const platform = hostPlatform();
  if (isLocal && libraryFor(builds, platform) === undefined) {
    throw new CoreFileError(first.name, `this machine is ${platform}, and ${builtFor(builds)}`);
  }
  const keys = images.map(({ key }) => key).sort();
  return { ...first, key: sha256Of(new TextEncoder().encode(keys.join())) as CoreKey, builds };
}

/** The build of a core that a worker gets. Without a word about its platform, it gets the first one. */
export function buildFor(core: CoreImage, platform: string | undefined): CoreImage {
  const [first] = core.builds ?? [];
  if (!core.builds || !first) return core;
  return (libraryFor(core.builds, platform ?? "") ?? first).image;
}

/** Refuses workers that no build fits, beside those that `refusalOf` refuses. */
export function refusalByBuild(
  { builds }: CoreImage,
  refusalOf: RefusalOf | undefined,
): RefusalOf | undefined {
  if (!builds) return refusalOf;
  return (name, description) => {
    const platform = description?.platform ?? "";
    if (platform === "" || libraryFor(builds, platform)) return refusalOf?.(name, description);
    return `it is ${platform}, and ${builtFor(builds)}`;
  };
}

function builtFor(builds: readonly CoreBuild[]): string {
  return `the core is built only for ${builds.map(({ platform }) => platform).join(", ")}`;
}
