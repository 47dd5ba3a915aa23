/** Builds the journal records of finished jobs. The order of the fields is their order in the journal. */

import { crc32 } from "node:zlib";
import { outputBytesOf } from "./answer.ts";
import type { Completion } from "./cluster/cluster_types.ts";
import type { ReadyTask, UnreadableTask } from "./inputs/source.ts";
import { checksumText } from "./output/journal/checksum.ts";
import type { DoneRecord } from "./output/journal/done_line.ts";
import type { HugeOutput } from "./output/huge_output.ts";
import type { FailedRecord, JobTimes } from "./output/journal/journal_record.ts";
import type { PackPlace } from "./output/sink.ts";

/** The record of a job whose output is written. JSON leaves out what is `undefined`. */
export function doneRecord(
  completion: Completion<ReadyTask>,
  output: Uint8Array | HugeOutput,
  place?: PackPlace,
): DoneRecord {
  const { job, meter, measures = meter.measures(completion) } = completion;
  const { index, name, identity, note } = job.payload;
  const { queuedAt, startedAt, runMs, cpuMs, memoryBytes, answeredAt } = measures;
  const isMeasured = startedAt !== undefined && runMs !== undefined;
  // One object, made at once: this runs for every job.
  return {
    index,
    input: name,
    state: "done",
    exitCode: 0,
    worker: meter.worker?.origin ?? "",
    attempt: job.attempt,
    sent: completion.sent,
    verified: completion.isVerified,
    bytesIn: job.bytes,
    bytesOut: output.byteLength,
    queuedAt: toMicroseconds(queuedAt),
    startedAt: isMeasured ? toMicroseconds(startedAt) : undefined,
    endedAt: isMeasured ? toMicroseconds(startedAt + runMs) : undefined,
    runMs: isMeasured ? toMicroseconds(runMs) : undefined,
    cpuMs,
    memoryBytes,
    answeredAt: isMeasured ? undefined : toMicroseconds(answeredAt),
    node: meter.worker?.node,
    slot: measures.slot,
    crcOut: checksumText(output instanceof Uint8Array ? crc32(output) : output.crc32),
    packAt: place?.packAt,
    packBytes: place?.packBytes,
    identity,
    file: note?.file,
    line: note?.line,
    content: note?.content,
  };
}

/** The record of a job that has failed with an answer. */
export function failedRecord(completion: Completion<ReadyTask>, error: string): FailedRecord {
  const { job, answer, meter } = completion;
  const { index, name, identity, note } = job.payload;
  const exitCode = answer.kind === "result" ? answer.result.exitCode : 0;
  return {
    index,
    input: name,
    state: "failed",
    error,
    ...(completion.sharedReason !== undefined ? { reason: completion.sharedReason } : {}),
    worker: meter.worker?.origin ?? "",
    attempt: job.attempt,
    sent: completion.sent,
    bytesIn: job.bytes,
    bytesOut: outputBytesOf(answer),
    ...timesOf(completion),
    ...(answer.kind === "error" ? { cause: answer.cause } : {}),
    ...(answer.lastLines?.length ? { printed: answer.lastLines } : {}),
    ...(exitCode !== 0 ? { exitCode } : {}), // 0 if only writing the output failed
    identity,
    ...note,
  };
}

/** The record of a job that was not sent, because its input cannot be read. */
export function unreadableRecord({ index, name, reason }: UnreadableTask): FailedRecord {
  return {
    index,
    input: name,
    state: "failed",
    error: reason,
    attempt: 0,
    bytesIn: 0,
    bytesOut: 0,
  };
}

/** When and where the job ran, and what it used. JSON leaves out what is `undefined`. */
function timesOf(completion: Completion<ReadyTask>): JobTimes {
  const { meter, measures = meter.measures(completion) } = completion;
  const { queuedAt, answeredAt, startedAt, runMs, cpuMs, memoryBytes, slot } = measures;
  const isMeasured = startedAt !== undefined && runMs !== undefined;
  return {
    queuedAt: toMicroseconds(queuedAt),
    ...(isMeasured
      ? {
        startedAt: toMicroseconds(startedAt),
        endedAt: toMicroseconds(startedAt + runMs),
        runMs: toMicroseconds(runMs),
        cpuMs,
        memoryBytes,
      }
      : { answeredAt: toMicroseconds(answeredAt) }),
    node: meter.worker?.node,
    slot,
  };
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
