/** The jobs of a simulation: what each input asks of a slot, and how each must end. */

import { utf8 } from "../fixtures/peers/frames.ts";
import type { Random } from "./random.ts";

/** How a job ends, each time that it runs. */
export type JobKind =
  /** It succeeds. */
  | "good"
  /** It returns a non-zero exit code. */
  | "fails"
  /** It crashes. */
  | "crashes"
  /** It never returns. */
  | "hangs";

/** The exit code of jobs that fail. */
export const EXIT_CODE = 3;

/** A job. */
export interface PlannedJob {
  readonly index: number;
  readonly kind: JobKind;
  readonly durationMs: number;
  readonly outputBytes: number;
}

/** How the jobs of a run are drawn. */
export interface JobsPlan {
  readonly count: number;
  readonly durationMsMin: number;
  readonly durationMsMax: number;
  /** The part of the jobs that do not succeed. */
  readonly badPart: number;
  /** Some jobs hang, which needs a time limit. */
  readonly mayHang: boolean;
  /** The part of the jobs with outputs too large to be written at once. */
  readonly largePart: number;
}

/** Outputs above 64 KiB are written asynchronously. */
const LARGE_BYTES = 70_000;
const SMALL_BYTES_MAX = 100;

/** The jobs of a run. */
export function drawJobs(plan: JobsPlan, random: Random): PlannedJob[] {
  return Array.from({ length: plan.count }, (_, index) => ({
    index,
    kind: drawKind(plan, random),
    durationMs: random.logarithmic(plan.durationMsMin, plan.durationMsMax),
    outputBytes: random.chance(plan.largePart) ? LARGE_BYTES : random.integer(0, SMALL_BYTES_MAX),
  }));
}

function drawKind({ badPart, mayHang }: JobsPlan, random: Random): JobKind {
  if (!random.chance(badPart)) return "good";
  return random.pick(mayHang ? ["fails", "crashes", "hangs"] : ["fails", "crashes"]);
}

/** The input that tells a slot what to do. */
export function inputOf(
  { index, kind, durationMs, outputBytes }: PlannedJob,
): Uint8Array<ArrayBuffer> {
  return utf8(`${index} ${kind} ${durationMs} ${outputBytes}`) as Uint8Array<ArrayBuffer>;
}

/** The job of an input. */
export function jobOf(input: string): PlannedJob {
  const [index, kind, durationMs, outputBytes] = input.split(" ");
  return {
    index: Number(index),
    kind: kind as JobKind,
    durationMs: Number(durationMs),
    outputBytes: Number(outputBytes),
  };
}

/** The output of a good job. Each job has its own, and another one with each core. */
export function outputOf({ index, outputBytes }: PlannedJob, core: string): Uint8Array {
  const output = new Uint8Array(Math.max(outputBytes, 4)).fill(index);
  new DataView(output.buffer).setUint32(0, hashOf(`${index} ${core}`));
  return output;
}

/** FNV-1a: as good as any here, and a tenth of the time of the runtime's checksums. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
