/** Says what a core needs that this machine lacks: before it is loaded, and when loading it has failed. */

import { missingCpuFlags } from "../../core/cpu_level.ts";
import { readElfLibrary } from "../../core/elf_library.ts";
import { lackingText, namesOf } from "../../core/lacking.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Files } from "../../runtime/files/files.ts";
import { host } from "../../system/host.ts";
import type { CoreNeeds } from "./shared_trials.ts";
import type { CoreLock } from "./core_lock.ts";
import type { CoreTrust } from "./core_trust.ts";
import { withFileBytes } from "./file_bytes.ts";
import { searchLibraries } from "./library_search.ts";

/** The flags of the first CPU are in the first page. */
const TEXT_BYTES_MAX = 16 * 1024;

/**
 * An explanation that takes longer is given up: a library may name files of a server that does not answer, and others
 * wait for the lock.
 */
const EXPLAIN_MS_MAX = 5_000;

/** What `coreNeeds` works with. */
interface NeedsContext {
  readonly files: Files;
  readonly clock: Clock;
  readonly lock: CoreLock;
  readonly trust?: CoreTrust;
  /** Whether cores see other files than the worker does. */
  readonly hasSandbox?: boolean;
}

/**
 * What this machine lacks for the cores of a worker, and which of them it does not trust. It reads files under the
 * lock.
 *
 * A core names the paths that are searched, and is told what was found there. So nothing is searched for one in a
 * sandbox: the worker sees what is hidden from it. What the loader says is all that it gets.
 */
export function coreNeeds(context: NeedsContext): CoreNeeds {
  const { files, clock, lock, trust, hasSandbox } = context;
  return {
    beforeLoad: (core) =>
      lock.run(async () => await trust?.refusalOf(core) ?? await lackingCpu(files, core.path)),
    explain: async ({ path }, reason) => {
      if (hasSandbox) return undefined;
      const explain = (late: AbortSignal) => explainLoadFailure(files, path, reason, late);
      return await lock.run(() => inTime(clock, explain));
    },
  };
}

/** Resolves to `undefined` when the time is over. `work` then finds its signal aborted, as soon as it goes on. */
async function inTime<T>(
  clock: Clock,
  work: (late: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const late = new AbortController();
  const { promise: over, resolve } = Promise.withResolvers<undefined>();
  const timer = clock.after(EXPLAIN_MS_MAX, () => {
    late.abort();
    resolve(undefined);
  });
  try {
    return await Promise.race([work(late.signal), over]);
  } finally {
    timer.stop();
  }
}

/**
 * What the CPU lacks for the core at `path`, as a clause. New loaders refuse such a core. Old ones load it,
 * and it crashes in some job.
 */
export async function lackingCpu(files: Files, path: string): Promise<string | undefined> {
  const { machine, format } = host();
  if (format !== "ELF" || machine !== "x86_64") return undefined;
  const library = await withFileBytes(files, path, readElfLibrary);
  if (!library || library.x86Level <= 1) return undefined;
  const missing = missingCpuFlags(library.x86Level, await textOf(files, "/proc/cpuinfo"));
  if (missing.length === 0) return undefined;
  return `it is built for x86-64-v${library.x86Level}, the CPU of this machine lacks ${
    missing.join(", ")
  }`;
}

/**
 * Why the core at `path` cannot be loaded: everything that is missing, where the loader's own text (`reason`) names
 * the first only. `undefined` if nothing is found to be missing.
 */
export async function explainLoadFailure(
  files: Files,
  path: string,
  reason: string,
  late?: AbortSignal,
): Promise<string | undefined> {
  if (host().format !== "ELF") return undefined;
  const lacking = await searchLibraries(files, path, { late });
  const text = lacking && lackingText(lacking);
  if (!lacking || text === undefined) return undefined;
  const isSame = namesOf(lacking).some((name) => reason.includes(name));
  return isSame ? text : `${text}; the loader says: ${reason}`;
}

/** The text of a file whose size the system does not tell, such as those in `/proc`. */
async function textOf(files: Files, path: string): Promise<string> {
  const file = await files.openToRead(path).catch(() => undefined); // then no need is known
  if (!file) return "";
  try {
    const content = new Uint8Array(TEXT_BYTES_MAX);
    return new TextDecoder().decode(content.subarray(0, await file.read(content, 0)));
  } catch {
    return ""; // the same
  } finally {
    await file.close().catch(() => {}); // it was only read
  }
}
