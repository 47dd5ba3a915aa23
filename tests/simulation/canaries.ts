/**
 * Bugs to plant into the real code, one at a time: a simulation that does not notice them is worth nothing. Each is a
 * change of one place, of a kind that people make.
 */

import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** A bug. */
export interface Canary {
  readonly name: string;
  readonly file: string;
  /** The text that it replaces; it is in the file once. */
  readonly text: string;
  readonly by: string;
  /**
   * It is noticed within so many seeds, from this one; from 1 unless given. A good one to begin with notices it soon: a
   * run that cannot end is simulated for hours, and seeds that pass take their time too.
   */
  readonly from?: number;
  readonly seeds: number;
  /**
   * Only `deno task test:all` looks for it: that takes many seeds, one of them takes long, or a quick one is about the
   * same few lines. Each bug costs a copy of all the code, which is compiled anew.
   */
  readonly isSlow?: boolean;
}

/** All canaries. */
export const CANARIES: readonly Canary[] = [
  {
    name: "lost wake-up",
    file: "controller/cluster/cluster.ts",
    text: "if (this.#waiting.length > 0 && this.hasRoom) this.#wakeWaiting();",
    by: "",
    from: 6,
    seeds: 20,
  },
  {
    name: "off-by-one window",
    file: "pool/dispatcher.ts",
    text: "while (endpoint.inFlight.size < window) {",
    by: "while (endpoint.inFlight.size <= window) {",
    from: 3,
    seeds: 20,
  },
  {
    name: "double commit",
    file: "controller/cluster/speculation.ts",
    text: "for (const other of this.#othersOf(job)) this.cancel(other);",
    by: "",
    from: 8,
    seeds: 100,
  },
  {
    name: "stale attempt accepted",
    file: "controller/cluster/endpoints.ts",
    text: "if (pool.isWanted(job)) {\n      jobs.onAnswer",
    by: "if (job) {\n      jobs.onAnswer",
    seeds: 200,
    isSlow: true,
  },
  {
    name: "a worker's times are believed",
    file: "controller/cluster/worker_meter.ts",
    text: "const startedAtMs = Math.max(startUs / 1000 + aheadMs, job.sentAtMs);",
    by: "const startedAtMs = startUs / 1000 + aheadMs;",
    from: 4,
    seeds: 20,
  },
  {
    name: "slot leak",
    file: "worker/slots/slot.ts",
    text: "lastStarted, freeing !== 0);\n    void this.#bringUp();",
    by: "lastStarted, freeing !== 0);",
    from: 2,
    seeds: 50,
  },
  {
    name: "unbounded queue",
    file: "controller/run.ts",
    text: "await this.#cluster.room();",
    by: "",
    from: 3,
    seeds: 50,
  },
  {
    name: "record before output",
    file: "controller/committer.ts",
    text: "      const add = await writing;\n",
    by:
      "      this.#finishDone(doneRecord(completion, output));\n      return void await writing;\n      const add = await writing;\n",
    from: 11,
    seeds: 50,
  },
  {
    name: "retry without limit",
    file: "controller/cluster/failure_rules.ts",
    text: "if (attempts.tries >= retries + Math.max(crashLimit, FAILED_NODES_MAX)) return true;",
    by: "return false;",
    seeds: 50,
    isSlow: true,
  },
  {
    name: "finished job run again",
    file: "controller/output/resume.ts",
    text:
      "if (job.state === JobState.done) return pack ? this.#ifPacked(job) : this.#ifDone(name, job);",
    by: "if (job.state === JobState.done) return undefined;",
    from: 3,
    seeds: 50,
  },
  {
    name: "job lost with its worker",
    file: "pool/pool.ts",
    text: "else client.pushFront(job);\n    }\n  }\n\n  #isCulprit",
    by: "    }\n  }\n\n  #isCulprit",
    from: 20,
    seeds: 50,
  },
];

/** Bugs that the code had until the simulation found them, each with a seed that shows it when it is planted again. */
export const PAST_BUGS: readonly Canary[] = [
  {
    name: "retries a job that exceeded its limit on a worker without limits",
    file: "controller/cluster/blame.ts",
    text: "this.#parts.nodes.connected.filter(({ hasLimits }) => !hasLimits)",
    by: "[]",
    from: 2556,
    seeds: 1,
    isSlow: true,
  },
  {
    name: "does not listen unless somebody wants to know the port",
    file: "controller/run.ts",
    text: "const address = this.#cluster.listen(listen);\n      onListening?.(address);",
    by: "if (onListening) onListening(this.#cluster.listen(listen));",
    from: 13,
    seeds: 1,
  },
  {
    name: "waits for ever for a controller that was dialed and has sent its version only",
    file: "worker/serve.ts",
    text: "if (received <= VERSION_MESSAGE_BYTES) timer = watch();",
    by: "",
    from: 1106,
    seeds: 1,
    isSlow: true,
  },
  {
    name: "waits for ever for a controller that was dialed and says nothing",
    file: "worker/serve.ts",
    text: "clock.after(FIRST_MESSAGES_MS, () => stream.close())",
    by: "clock.after(FIRST_MESSAGES_MS, () => {})",
    from: 1106,
    seeds: 1,
  },
  {
    name: "copies a job that exceeded its limit to workers without limits, again and again",
    file: "controller/cluster/speculation.ts",
    text: "...unfit, ",
    by: "",
    from: 208419,
    seeds: 1,
    isSlow: true,
  },
  {
    name: "uses a worker of version 2 with version 1 after a few broken connections",
    file: "controller/workers/version_negotiation.ts",
    text: "this.#hasAgreedOnLatest ? UNANSWERED_AFTER_AGREEMENT_MAX : UNANSWERED_MAX",
    by: "UNANSWERED_MAX",
    from: 2930,
    seeds: 1,
  },
  {
    name: "uses a worker with version 1 after two offers of version 2 without an answer",
    file: "controller/workers/version_negotiation.ts",
    text: "const UNANSWERED_MAX = 3;",
    by: "const UNANSWERED_MAX = 2;",
    from: 1626,
    seeds: 1,
    isSlow: true,
  },
  {
    name: "sends a job that has hung a worker without limits to the next one",
    file: "controller/cluster/endpoints.ts",
    text: "jobs.onHung(job, this.#unlimited);",
    by: "",
    from: 150,
    seeds: 1,
  },
  {
    name: "forgets that a job has hung a worker without limits once such a worker comes back",
    file: "controller/cluster/lost_jobs.ts",
    text: "const unfit = mayHang ? unlimited?.() : undefined;",
    by: "const unfit = undefined;",
    from: 150,
    seeds: 1,
    isSlow: true,
  },
  {
    name: "keeps records of entries that a pack has lost, beside those that take their places",
    file: "controller/output/pack/output_pack.ts",
    text: "if (!pack.hasLost) return",
    by: "return",
    from: 4852,
    seeds: 1,
    isSlow: true,
  },
  {
    name: "yields a core for ever to one that nobody needs any more",
    file: "pool/cores.ts",
    text: "this.#isYielding = true",
    by: "this.#isYielding = demands.cores.size > 1",
    from: 6002,
    seeds: 1,
    isSlow: true,
  },
  {
    name: "takes an offer that was never sent for one without an answer",
    file: "controller/workers/attempt_end.ts",
    text: "connection.hasOffered && ",
    by: "",
    from: 700675,
    seeds: 1,
  },
];

/** What the real code in the copy needs. */
const FOLDERS = [
  ...["controller", "core", "link", "pool", "protocol", "runtime", "security", "slot", "system"],
  ...["worker"],
  ...["tests/simulation", "tests/lib", "tests/fixtures/peers"],
];

/** Copies the sources, plants a canary into the copy, and gives its simulation to `use`. */
export async function withCanary<T>(
  { name, file, text, by }: Canary,
  use: (module: typeof import("./simulation.ts")) => Promise<T>,
): Promise<T> {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const copy = await mkdtemp(join(tmpdir(), "distcomp-canary-"));
  try {
    for (const folder of FOLDERS) {
      await cp(join(root, folder), join(copy, folder), { recursive: true });
    }
    const path = join(copy, file);
    const parts = (await readFile(path, "utf8")).split(text);
    if (parts.length !== 2) throw new Error(`The canary "${name}" no longer fits ${file}`);
    await writeFile(path, parts.join(by));
    return await use(
      await import(pathToFileURL(join(copy, "tests/simulation/simulation.ts")).href),
    );
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
