/** The options of `run` that say what a job may do, and how far its result is trusted. */

import { type Command, InvalidArgumentError } from "commander";
import type { ClusterOptions } from "../controller/cluster/cluster.ts";
import { DEFAULT_POLICY } from "../controller/cluster/retries.ts";
import { parseCount, UsageError } from "./usage.ts";

/** What was typed of them. */
export interface JobFlags {
  readonly timeout?: number;
  readonly memory?: number;
  readonly retries?: number;
  readonly crashLimit?: number;
  readonly speculate?: boolean;
  readonly verify?: number;
}

const UNITS_MS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A slot without any job has about so much. */
const SLOT_BYTES = 64 * 1024 ** 2;

/** Adds them to the help and the parser. */
export function addJobOptions(command: Command): Command {
  return command
    .option("--timeout <time>", "end a job that takes longer: 30s, 5m, 2h", parseDuration)
    .option("--memory <size>", "end a job whose process needs more: 500M, 2G", parseSize)
    .option("--retries <n>", "run a job again after a non-zero exit code or timeout", parseCount)
    .option(
      "--crash-limit <n>",
      `slots that a job may crash before it fails (default: ${DEFAULT_POLICY.crashLimit})`,
      parseLimit,
    )
    .option("--no-speculate", "run no second copies of stragglers on idle slots")
    .option("--verify <2|P%>", "run jobs (P % of them) on two workers, compare outputs", parsePart);
}

/** The same, for the cluster. */
export function clusterOptionsOf(flags: JobFlags): ClusterOptions {
  return {
    policy: {
      timeMs: flags.timeout ?? DEFAULT_POLICY.timeMs,
      memoryBytes: flags.memory ?? DEFAULT_POLICY.memoryBytes,
      retries: flags.retries ?? DEFAULT_POLICY.retries,
      crashLimit: flags.crashLimit ?? DEFAULT_POLICY.crashLimit,
    },
    speculates: flags.speculate ?? true,
    verifiedPart: flags.verify ?? 0,
  };
}

/** Says what is wrong if too few workers are named to compare any. */
export function checkVerify({ verify }: JobFlags, workers: number, mayCome: boolean): void {
  if (verify === undefined || workers > 1 || mayCome) return;
  throw new UsageError(
    "--verify compares the outputs of different workers; name two or more with --workers, or use --listen",
  );
}

/** Reads `30s`, `1.5h`; a number alone is in seconds. In milliseconds. */
export function parseDuration(text: string): number {
  const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)\s*([a-z]+)?$/i.exec(text.trim()) ?? [];
  const ms = Math.round(Number(number) * (UNITS_MS[unit.toLowerCase()] ?? NaN));
  if (!(ms > 0)) {
    throw new InvalidArgumentError("It must be a time over 0, such as 500ms, 30s, 5m, 2h or 1d.");
  }
  return ms;
}

/** Reads `500M`, `2G`, `1.5GiB`: powers of 1024, as systems count memory. In bytes. */
export function parseSize(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(number) * 1024 ** " kmgt".indexOf(unit.toLowerCase() || " "));
  if (!(bytes >= SLOT_BYTES)) {
    throw new InvalidArgumentError(
      "It must be a size such as 500M or 2G, and 64M or more: that is what a slot needs itself.",
    );
  }
  return bytes;
}

function parseLimit(text: string): number {
  const limit = parseCount(text);
  if (limit < 1) throw new InvalidArgumentError("It must be 1 or more.");
  return limit;
}

/** Reads `2` (every job, on two workers) or `5%`. The part of the jobs, 0 to 1. */
function parsePart(text: string): number {
  if (text === "2") return 1;
  const percent = Number(/^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1]);
  if (!(percent > 0 && percent <= 100)) {
    throw new InvalidArgumentError("It must be 2, for every job, or a percentage such as 5%.");
  }
  return percent / 100;
}
