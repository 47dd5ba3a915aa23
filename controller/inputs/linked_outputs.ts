/** Inputs that are links to files in the folder of outputs, which an output would replace. */

import type { Clock } from "../../runtime/clock.ts";
import type { Files } from "../../runtime/files/files.ts";
import { relative } from "../../runtime/files/path.ts";
import { DiskPace } from "../output/disk_pace.ts";
import type { ListedFile } from "./listed_file.ts";
import {
  isInside,
  LINKS_MAX,
  LINKS_TO_OUTPUT,
  linkTarget,
  OVERWRITES_ITSELF,
  OVERWRITES_OTHER,
  realPath,
  withRealParent,
} from "./paths.ts";

/**
 * The paths below the outputs through which a link leads. An output would replace what is there: the file at its end, or
 * another link on its way. Neither needs to exist yet.
 */
export async function linkedOutputs(
  files: Pick<Files, "realPath" | "readLink">,
  link: string,
  realOutputs: string,
): Promise<readonly string[]> {
  const places = new Set<string>();
  let at = await withRealParent(files, link);
  for (let links = 0; links < LINKS_MAX; links++) {
    const text = await files.readLink(at).catch(() => undefined); // it is not a link, or missing
    if (text === undefined) break;
    at = await withRealParent(files, linkTarget(at, text));
    places.add(at);
  }
  places.add(await realPath(files, link)); // a runtime may be unable to read a link that it follows
  return [...places].filter((place) => isInside(place, realOutputs))
    .map((place) => relative(realOutputs, place));
}

/** What `LinkFinder` looks with. */
type LinkFiles = Pick<Files, "info" | "direct">;

/** Finds out which listed files are links. A list does not say it, so each file is looked at. */
export class LinkFinder {
  readonly #files: LinkFiles;
  readonly #clock: Clock;
  readonly #pace: DiskPace;

  constructor(files: LinkFiles, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
    this.#pace = new DiskPace(clock);
  }

  /** Whether a file is certainly no link. Takes microseconds; on a slow disk, nobody is held up to find it out. */
  isFileNow(path: string): boolean {
    const { direct } = this.#files;
    if (!direct || !this.#pace.isFast) return false;
    const startedAtMs = this.#clock.now();
    try {
      return direct.isFile(path);
    } catch {
      return false; // no path: whoever reads it gets the reason
    } finally {
      this.#pace.add(this.#clock.now() - startedAtMs);
    }
  }

  async isLink(path: string): Promise<boolean> {
    const info = await this.#files.info(path).catch(() => undefined); // whoever reads it gets the reason
    return info?.kind === "link";
  }
}

/** Refuses links to outputs of the same run, and outputs that would replace what an earlier link leads to. */
export class LinkedOutputs {
  readonly #targets = new Set<string>();
  readonly #isOutput: (name: string) => Promise<boolean>;

  /** `isOutput`: whether an input is known whose output has this name, apart from those that are being checked. */
  constructor(isOutput: (name: string) => Promise<boolean>) {
    this.#isOutput = isOutput;
  }

  /** The files in their order, some of which now fail. Costs nothing where there is no such link. */
  async checked(listed: readonly ListedFile[]): Promise<readonly ListedFile[]> {
    if (this.#targets.size === 0 && !listed.some(({ linksTo }) => linksTo !== undefined)) {
      return listed;
    }
    const checked: ListedFile[] = [];
    for (const file of listed) {
      const failure = await this.#failureOf(file, checked);
      checked.push(failure === undefined ? file : { ...file, failure });
    }
    return checked;
  }

  async #failureOf(
    { name, linksTo = [] }: ListedFile,
    before: readonly ListedFile[],
  ): Promise<string | undefined> {
    if (linksTo.includes(name)) return OVERWRITES_ITSELF;
    if (this.#targets.has(name)) return OVERWRITES_OTHER;
    for (const target of linksTo) {
      const isOutput = before.some((other) => other.name === target) ||
        await this.#isOutput(target);
      if (isOutput) return LINKS_TO_OUTPUT;
    }
    for (const target of linksTo) this.#targets.add(target);
    return undefined;
  }
}
