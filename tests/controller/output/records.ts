/** Records of jobs, for tests of journals. */

import type { JobRecord } from "../../../controller/output/journal/journal_record.ts";

/** A core's SHA-256. */
export const CORE = "c0".repeat(32);

/** The record of a done job, with `changes`. */
export function recordOf(index: number, changes: Partial<JobRecord> = {}): JobRecord {
  return {
    index,
    input: `inputs/${index}`,
    state: "done",
    exitCode: 0,
    worker: "node7:7433",
    attempt: 1,
    bytesIn: index,
    bytesOut: 2 * index,
    crcOut: "00000000",
    runMs: 1.25,
    identity: `file-${index}-1700000000000-00000000`,
    ...changes,
  };
}
