/** Builds the journal records of finished jobs. The order of the fields is their order in the journal. */

import { crc32 } from "node:zlib";
import type { JobResult } from "../protocol/mod.ts";
import type { Completion } from "./cluster/task.ts";
import type { ReadyTask, UnreadableTask } from "./inputs/source.ts";
import { checksumText } from "./output/checksum.ts";
import type { JobRecord } from "./output/journal_record.ts";

/** The most characters of a failed job's output that are shown as its reason. */
const REASON_CHARS_MAX = 200;

/** The record of a job whose output is written. */
export function doneRecord(
  { job, worker, answeredAtMs }: Completion<ReadyTask>,
  output: Uint8Array,
): JobRecord {
  const { index, name, identity } = job.payload;
  return {
    index,
    input: name,
    state: "done",
    exitCode: 0,
    worker,
    attempt: job.attempt,
    bytesIn: job.bytes,
    bytesOut: output.byteLength,
    queueMs: toMicroseconds(job.sentAtMs - job.queuedAtMs),
    runMs: toMicroseconds(answeredAtMs - job.sentAtMs),
    crcOut: checksumText(crc32(output)),
    identity,
  };
}

/** The record of a job that has failed with an answer. */
export function failedRecord(
  { job, answer, worker, answeredAtMs }: Completion<ReadyTask>,
  error: string,
): JobRecord {
  const { index, name, identity } = job.payload;
  const exitCode = answer.kind === "result" ? answer.result.exitCode : 0;
  return {
    index,
    input: name,
    state: "failed",
    error,
    worker,
    attempt: job.attempt,
    bytesIn: job.bytes,
    bytesOut: answer.kind === "result" ? answer.result.output.byteLength : 0,
    queueMs: toMicroseconds(job.sentAtMs - job.queuedAtMs),
    runMs: toMicroseconds(answeredAtMs - job.sentAtMs),
    ...(answer.kind === "error" ? { cause: answer.cause } : {}),
    ...(exitCode !== 0 ? { exitCode } : {}), // 0 if only writing the output failed
    identity,
  };
}

/** The record of a job that was not sent, because its input cannot be read. */
export function unreadableRecord({ index, name, reason }: UnreadableTask): JobRecord {
  return {
    index,
    input: name,
    state: "failed",
    error: reason,
    attempt: 0,
    bytesIn: 0,
    bytesOut: 0,
    queueMs: 0,
    runMs: 0,
  };
}

/** The reason of a non-zero exit code: the code, and the first line of the output if that is text. */
export function exitReason({ exitCode, output }: JobResult): string {
  const start = new TextDecoder().decode(output.subarray(0, 4 * REASON_CHARS_MAX));
  const line = start.split("\n", 1)[0]?.trim() ?? "";
  // deno-lint-ignore no-control-regex -- a line with these is not text, and is not shown
  const isText = line !== "" && !/[\u0000-\u001f\u007f-\u009f\ufffd]/.test(line);
  return isText
    ? `exit code ${exitCode}: ${line.slice(0, REASON_CHARS_MAX)}`
    : `exit code ${exitCode}`;
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
