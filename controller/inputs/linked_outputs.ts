/** Inputs that are links to files in the folder of outputs, which an output would replace. */

import type { Clock } from "../../runtime/clock.ts";
import type { Files } from "../../runtime/files/files.ts";
import { relative } from "../../runtime/files/path.ts";
import { DiskPace } from "../output/disk_pace.ts";
import type { ListedFile } from "./listed_file.ts";
import { isInside, LINKS_TO_OUTPUT, OVERWRITES_ITSELF, OVERWRITES_OTHER } from "./paths.ts";

/** The path below the outputs of the file that a link leads to; `undefined` if it is elsewhere, or missing. */
export async function linkedOutput(
  files: Pick<Files, "realPath">,
  link: string,
  realOutputs: string,
): Promise<string | undefined> {
  const real = await files.realPath(link).catch(() => undefined);
  return real !== undefined && isInside(real, realOutputs)
    ? relative(realOutputs, real)
    : undefined;
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
    const info = await this.#files.info(path).catch(() => undefined);
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
    { name, linksTo }: ListedFile,
    before: readonly ListedFile[],
  ): Promise<string | undefined> {
    if (linksTo === name) return OVERWRITES_ITSELF;
    if (this.#targets.has(name)) return OVERWRITES_OTHER;
    if (linksTo === undefined) return undefined;
    const isOutput = before.some((other) => other.name === linksTo) ||
      await this.#isOutput(linksTo);
    if (isOutput) return LINKS_TO_OUTPUT;
    this.#targets.add(linksTo);
    return undefined;
  }
}
