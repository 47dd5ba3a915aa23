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

/** The commands of a batch system. */
export interface BatchSystem {
  readonly name: string;
  /** Asks whether a script would be accepted. It is not refused for good if the error is one of `passes`. */
  readonly test: {
    command(script: string, options: readonly string[]): readonly string[];
    readonly passes: RegExp;
  };
  /** Submits a script. Slurm takes several jobs of it at once, as an array. */
  submit(script: string, count: number, options: readonly string[]): readonly string[];
  /** How many jobs one command submits at most. */
  readonly arrayMax: number;
  /** The ids of the jobs that `submit` has submitted; empty if that cannot be read. */
  submitted(stdout: string, count: number): string[];
  /** Lists jobs, among them those that have ended, if it still knows them. */
  list(ids: readonly string[]): readonly string[];
  listed(stdout: string): BatchJob[];
  /** What `list` says on stderr if it fails only because it does not know a job any more. */
  readonly unknown: RegExp;
  cancel(ids: readonly string[]): readonly string[];
  /** Cancels jobs as long as they do not run. */
  cancelWaiting(ids: readonly string[]): readonly string[];
}

/** Slurm's limit for arrays is 1,001 unless its administrator has changed it. */
const SLURM_ARRAY_MAX = 1_000;

const SLURM_WAITING = ["PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SUSPENDED"];
const SLURM_RUNNING = ["RUNNING", "COMPLETING", "SIGNALING", "STAGE_OUT"];

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
    const id = /^(\d+)(?:;\S+)?$/m.exec(stdout)?.[1];
    return id === undefined ? [] : Array.from({ length: count }, (_, at) => `${id}_${at + 1}`);
  },
  list: (ids) => [
    "squeue",
    "--noheader",
    "--array",
    "--states=all",
    `--jobs=${arraysOf(ids).join(",")}`,
    "--format=%i|%T|%M|%l|%C|%r",
  ],
  listed: (stdout) =>
    stdout.split("\n").flatMap((line) => {
      const [id = "", word = "", used = "", limit = "", cpus = "", why = ""] = line.trim().split(
        "|",
      );
      if (!/^\d+_\d+$/.test(id)) return [];
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
  unknown: /Invalid job id/i,
  cancel: (ids) => ["scancel", ...arraysOf(ids)],
  cancelWaiting: (ids) => ["scancel", "--state=PENDING", ...ids],
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
  list: (ids) => ["qstat", "-f", ...ids],
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
  cancel: (ids) => ["qdel", ...ids],
  cancelWaiting: (ids) => ["qdel", ...ids],
};

/** The batch systems by their names. */
export const BATCH_SYSTEMS: Readonly<Record<BatchName, BatchSystem>> = { slurm: SLURM, pbs: PBS };

/** `7_1`, `7_2` are both of the array 7. */
function arraysOf(ids: readonly string[]): string[] {
  return [...new Set(ids.map((id) => id.replace(/_.*/, "")))];
}

function slurmState(state: string): BatchJob["state"] {
  if (SLURM_WAITING.includes(state)) return "waiting";
  return SLURM_RUNNING.includes(state) ? "running" : "ended";
}

function pbsState(state: string): BatchJob["state"] {
  if (/^[QHWTS]$/.test(state)) return "waiting";
  return /^[RBE]$/.test(state) ? "running" : "ended";
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
