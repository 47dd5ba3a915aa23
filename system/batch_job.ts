/** When the job of a batch system ends in which this process runs, if it runs in one: Slurm, PBS Pro or Torque. */

/** When a batch job ends, in milliseconds since 1970, and who says so. */
export interface BatchEnd {
  readonly endsAtMs: number;
  readonly system: "Slurm" | "PBS";
}

/** Runs a command of the batch system; `undefined` if there is none, or if it fails. */
export type Ask = (command: readonly string[]) => Promise<string | undefined>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Batch systems show an endless time as one that is very far away. */
const FAR_MS = 366 * 24 * 60 * 60 * 1000;

/** The end of the batch job in whose environment this process runs; `undefined` if there is none, or it has no limit. */
export async function batchEnd(
  env: Environment,
  ask: Ask,
  nowMs: number,
): Promise<BatchEnd | undefined> {
  const { SLURM_JOB_ID: slurm, PBS_JOBID: pbs } = env;
  if (slurm) return endOf("Slurm", await slurmEndMs(slurm, env, ask), nowMs);
  if (pbs) return endOf("PBS", await pbsEndMs(pbs, env, ask, nowMs), nowMs);
  return undefined;
}

function endOf(system: BatchEnd["system"], endsAtMs: number, nowMs: number): BatchEnd | undefined {
  // An end that has passed is not that of this process: its shell has outlived a batch job.
  const isKnown = endsAtMs > nowMs && endsAtMs - nowMs < FAR_MS;
  return isKnown ? { system, endsAtMs } : undefined;
}

/** Slurm sets the end from version 22.05 on; `scontrol` has said it ever since, in local time. */
async function slurmEndMs(job: string, env: Environment, ask: Ask): Promise<number> {
  const seconds = Number(env.SLURM_JOB_END_TIME);
  if (seconds > 0) return seconds * 1000;
  const text = await ask(["scontrol", "show", "job", "--oneliner", job]) ?? "";
  return Date.parse(/\bEndTime=(\S+)/.exec(text)?.[1] ?? "");
}

/** Both say when the job has started, and how long it may take. If not, Torque has set that in the environment. */
async function pbsEndMs(job: string, env: Environment, ask: Ask, nowMs: number): Promise<number> {
  const text = await ask(["qstat", "-f", job]) ?? "";
  const field = (name: string) => new RegExp(`^\\s*${name} = (.*)$`, "m").exec(text)?.[1] ?? "";
  const startedAtMs = Date.parse(field("stime") || field("start_time"));
  const endsAtMs = startedAtMs + clockTimeMs(field("Resource_List\\.walltime"));
  return endsAtMs > 0 ? endsAtMs : nowMs + Number(env.PBS_WALLTIME) * 1000;
}

/** Parses `HH:MM:SS`. */
function clockTimeMs(text: string): number {
  const [, hours, minutes, seconds] = /^(\d+):(\d+):(\d+)$/.exec(text) ?? [];
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}
