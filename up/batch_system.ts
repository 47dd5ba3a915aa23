/** What is different between batch systems: their commands, and how to read what those print. Pure. */

/** The batch systems. */
export type BatchName = "slurm" | "pbs";

/** What a batch system says about a job. */
export interface BatchJob {
  readonly id: string;
  readonly state: "waiting" | "running" | "ended";
  /** How long it has run. */
  readonly usedMs: number;
  /** `Infinity` without a limit. */
  readonly limitMs: number;
  /** How many CPUs it has, or has asked for; 0: unknown. */
  readonly cpus: number;
  /** Why it waits, in the words of the batch system. */
  readonly reason?: string;
}

type Command = readonly string[];

/** The commands of a batch system. */
export interface BatchSystem {
  readonly name: string;
  /** Asks whether a script would be accepted. It is not refused for good if the error is one of `passes`. */
  readonly test: {
    command(script: string, options: readonly string[]): Command;
    readonly passes: RegExp;
  };
  /** Submits a script. Slurm takes several jobs of it at once, as an array. */
  submit(script: string, count: number, options: readonly string[]): Command;
  /** How many jobs one command submits at most. */
  readonly arrayMax: number;
  /** The ids of the jobs that `submit` has submitted; empty if that cannot be read. */
  submitted(stdout: string, count: number): string[];
  /** Lists jobs, among them those that have ended, if it still knows them: several commands for several clusters. */
  list(ids: readonly string[]): readonly Command[];
  listed(stdout: string): BatchJob[];
  /** What a command says on stderr if it fails only because a job has ended, or is not known any more. */
  readonly unknown: RegExp;
  /** Cancels all jobs that were submitted together with one of these. */
  cancelAll(ids: readonly string[]): readonly Command[];
  /** Cancels these jobs, if they wait or run. */
  cancel(ids: readonly string[]): readonly Command[];
}

/** Slurm's limit for arrays is 1,001 unless its administrator has changed it. */
const SLURM_ARRAY_MAX = 1_000;

const SLURM_WAITING = [
  "PENDING",
  "CONFIGURING",
  "REQUEUED",
  "REQUEUE_FED",
  "REQUEUE_HOLD",
  "RESV_DEL_HOLD",
  "SPECIAL_EXIT",
  "SUSPENDED",
];

/** Whoever is in another state has not ended, also in one that a later Slurm may know. */
const SLURM_ENDED = [
  "BOOT_FAIL",
  "CANCELLED",
  "COMPLETED",
  "DEADLINE",
  "FAILED",
  "NODE_FAIL",
  "OUT_OF_MEMORY",
  "PREEMPTED",
  "REVOKED",
  "TIMEOUT",
];

const SLURM: BatchSystem = {
  name: "Slurm",
  arrayMax: SLURM_ARRAY_MAX,
  test: {
    command: (script, options) => ["sbatch", "--test-only", "--array=1-1", ...options, script],
    passes: /busy|not available \(down/i, // the cluster is full or away for now
  },
  submit: (script, count, options) => [
    "sbatch",
    "--parsable",
    `--array=1-${count}`,
    "--job-name=distcomp",
    "--output=/dev/null",
    ...options,
    script,
  ],
  submitted: (stdout, count) => {
    const [, array, cluster = ""] = /^(\d+)(;[\w.-]+)?$/m.exec(stdout) ?? [];
    if (array === undefined) return [];
    return Array.from({ length: count }, (_, at) => `${array}_${at + 1}${cluster}`);
  },
  list: (ids) =>
    perCluster(ids, "squeue", (jobs, suffix) => [
      "--noheader",
      "--array",
      "--states=all",
      `--jobs=${arraysOf(jobs).join(",")}`,
      `--format=%i${suffix}|%T|%M|%l|%C|%r`,
    ]),
  listed: (stdout) =>
    stdout.split("\n").flatMap((line) => {
      const [id = "", word = "", used = "", limit = "", cpus = "", why = ""] = line.trim().split(
        "|",
      );
      if (!/^\d+_\d+(?:;|$)/.test(id)) return [];
      const state = slurmState(word);
      return [{
        id,
        state,
        usedMs: spanMs(used),
        limitMs: limitOf(limit),
        cpus: Number(cpus) || 0,
        ...(state === "waiting" && /^\w/.test(why) && why !== "None" ? { reason: why } : {}),
      }];
    }),
  unknown: /Invalid job id|already complet/i,
  cancelAll: (ids) => perCluster(ids, "scancel", arraysOf),
  // With --state=PENDING, Slurm 22.05 cancels all others of the array that wait, too.
  cancel: (ids) => perCluster(ids, "scancel", (jobs) => jobs),
};

const PBS: BatchSystem = {
  name: "PBS",
  arrayMax: 1, // arrays of PBS Pro and Torque have different options, and none of one job
  test: { command: () => ["qsub", "--version"], passes: /^qsub: / }, // whether it is there: it cannot try a script
  submit: (script, _, options) => [
    "qsub",
    "-N",
    "distcomp",
    "-j",
    "oe",
    "-o",
    "/dev/null",
    ...options,
    script,
  ],
  submitted: (stdout) => /^\d\S*$/m.exec(stdout)?.slice(0, 1) ?? [],
  list: (ids) => [["qstat", "-f", ...ids]],
  listed: (stdout) =>
    stdout.split(/^Job Id: */m).slice(1).map((text) => {
      const field = (name: string) => new RegExp(`^\\s*${name} = (.*)$`, "m").exec(text)?.[1] ?? "";
      const state = pbsState(field("job_state"));
      const [, reason] = /^Not Running: (.*\S)/i.exec(field("comment")) ?? [];
      return {
        id: text.split("\n")[0]?.trim() ?? "",
        state,
        usedMs: spanMs(field("resources_used\\.walltime")),
        limitMs: limitOf(field("Resource_List\\.walltime")),
        cpus: pbsCpus(field),
        ...(state === "waiting" && reason !== undefined ? { reason } : {}),
      };
    }),
  unknown: /Unknown Job|has finished/i,
  cancelAll: (ids) => [["qdel", ...ids]],
  cancel: (ids) => [["qdel", ...ids]],
};

/** The batch systems by their names. */
export const BATCH_SYSTEMS: Readonly<Record<BatchName, BatchSystem>> = { slurm: SLURM, pbs: PBS };

/**
 * A command for each cluster that has some of these jobs. With `--clusters`, sbatch says `7;west`, and their ids are
 * `7_1;west`: this cluster has a job 7 of its own.
 */
function perCluster(
  ids: readonly string[],
  program: string,
  args: (jobs: readonly string[], suffix: string) => readonly string[],
): Command[] {
  const clusters = new Map<string, string[]>();
  for (const id of ids) {
    const [job = "", cluster = ""] = id.split(";");
    clusters.set(cluster, [...clusters.get(cluster) ?? [], job]);
  }
  return [...clusters].map(([cluster, jobs]) =>
    cluster === ""
      ? [program, ...args(jobs, "")]
      : [program, `--clusters=${cluster}`, ...args(jobs, `;${cluster}`)]
  );
}

/** `7_1`, `7_2` are both of the array 7. */
function arraysOf(ids: readonly string[]): string[] {
  return [...new Set(ids.map((id) => id.replace(/_.*/, "")))];
}

function slurmState(state: string): BatchJob["state"] {
  if (SLURM_WAITING.includes(state)) return "waiting";
  return SLURM_ENDED.includes(state) ? "ended" : "running";
}

function pbsState(state: string): BatchJob["state"] {
  if (/^[QHWTSU]$/.test(state)) return "waiting";
  return /^[CFX]$/.test(state) ? "ended" : "running";
}

/** PBS Pro counts CPUs, Torque those of each node (`1:ppn=16`). */
function pbsCpus(field: (name: string) => string): number {
  const perNode = /ppn=(\d+)/.exec(field("Resource_List\\.nodes"))?.[1];
  return Number(field("Resource_List\\.ncpus") || perNode) || 0;
}

function limitOf(text: string): number {
  return /\d/.test(text) ? spanMs(text) : Infinity;
}

/** Parses `D-HH:MM:SS`, `HH:MM:SS` or `MM:SS`; 0 if it is none. */
function spanMs(text: string): number {
  const [, days = "0", clock = ""] = /^(?:(\d+)-)?([\d:]+)$/.exec(text.trim()) ?? [];
  const seconds = clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return (Number(days) * 86_400 + seconds) * 1000;
}
