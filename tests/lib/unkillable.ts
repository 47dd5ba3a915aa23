/**
 * Processes that cannot be killed. The core `unkillable` turns the processes of its slots into such processes:
 *
 * ```ts ignore
 * import { startWorker } from "./processes.ts";
 * import { Tracers } from "./unkillable.ts";
 *
 * await using worker = await startWorker({ slots: 1 });
 * using tracers = new Tracers(() => worker.stderr);
 * const tracer = await tracers.next(); // when a job hangs
 * tracers.end(tracer); // the slot's process ends soon, if it was killed
 * ```
 */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { core } from "./cores.ts";
import { eventually, Program } from "./processes.ts";

/** Why such a process is impossible here; undefined if it is possible. */
export const noUnkillable = process.platform === "linux"
  ? await reasonNotToTrace()
  : "only Linux has a way to keep a process from ending";

/** The tracers: processes that keep other processes from ending. They are killed at the end of the test. */
export class Tracers implements Disposable {
  readonly #printed: () => string;
  #seen = 0;

  /** `printed` returns everything that slots have printed so far. */
  constructor(printed: () => string) {
    this.#printed = printed;
  }

  /** Waits for the next tracer and returns its process id. */
  async next(): Promise<number> {
    const pid = await eventually("a process hangs", () => this.#all()[this.#seen]);
    this.#seen += 1;
    return pid;
  }

  /** Ends a tracer, so that its process can end if it was killed. */
  end(pid: number): void {
    if (isThere(pid)) process.kill(pid, "SIGKILL");
  }

  [Symbol.dispose](): void {
    for (const pid of this.#all()) this.end(pid);
  }

  #all(): number[] {
    return [...this.#printed().matchAll(/\btracer (\d+)$/gm)].map(([, pid]) => Number(pid));
  }
}

/** Whether a process with this id exists. */
export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function reasonNotToTrace(): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "dc-try-"));
  try {
    await writeFile(join(folder, "lines"), "try\n");
    const args = ["run", await core("unkillable"), "--lines", "lines", "--slots", "1"];
    await using run = await Program.start(args, { cwd: folder });
    await run.exited;
    const answer = await readFile(join(folder, "outputs/0"), "utf8").catch(() => run.stderr);
    return answer === "possible" ? undefined : `a process cannot trace another here: ${answer}`;
  } finally {
    await rm(folder, { recursive: true });
  }
}
