/** Records of jobs. Other programs read them, so the fields and their order must not change. */

import assert from "node:assert/strict";
import type { Answer } from "../../controller/answer.ts";
import { exitCodeReason } from "../../controller/cluster/failure_reason.ts";
import type { Completion } from "../../controller/cluster/cluster_types.ts";
import type { ReadyTask } from "../../controller/inputs/source.ts";
import { doneRecord, failedRecord, unreadableRecord } from "../../controller/job_records.ts";
import { formatRecord } from "../../controller/output/journal/journal_record.ts";
import { WorkerMeter } from "../../controller/cluster/worker_meter.ts";
import { encodeUsage } from "../../protocol/mod.ts";
import { WallTime } from "../../system/wall_time.ts";
import { test } from "../lib/test.ts";

const TIMES = '"queuedAt":1700000000001,"startedAt":1700000000001.66,"endedAt":1700000000002.91,' +
  '"runMs":1.25,"cpuMs":2.4,"memoryBytes":4096,"node":"node7","slot":3,';

const encode = (text: string) => new TextEncoder().encode(text);

test("a done job's line has its fields in their order", () => {
  const output = encode("four");
  const done = completion({ kind: "result", result: { exitCode: 0, output } });
  assert.equal(
    formatRecord(doneRecord(done, output), "c0"),
    '{"v":1,"index":4,"input":"a/b.dat","state":"done","exitCode":0,"worker":"node7:7433",' +
      '"attempt":2,"bytesIn":9,"bytesOut":4,' +
      TIMES + '"crcOut":"90c1667d",' +
      '"identity":"file-9-1-2","core":"c0","crc":"896b1c97"}\n',
  );
});

test("a job that was sent more often than its attempt says has both numbers", () => {
  const result = { exitCode: 0, output: encode("four") };
  const done = { ...completion({ kind: "result", result }), sent: 3 };
  assert.match(
    formatRecord(doneRecord(done, result.output), "c0"),
    /"attempt":2,"sent":3,"bytesIn"/,
  );
});

test("the line of a job says that two workers have given its output", () => {
  const result = { exitCode: 0, output: encode("four") };
  const done = { ...completion({ kind: "result", result }), sent: 2, isVerified: true };
  assert.match(
    formatRecord(doneRecord(done, result.output), "c0"),
    /"sent":2,"verified":true,"bytesIn"/,
  );
});

test("a failed job's line has what the core returned, or the kind of failure", () => {
  const returned = completion({ kind: "result", result: { exitCode: 3, output: encode("four") } });
  const crashed = completion({ kind: "error", cause: "crash", message: "crashed" });
  assert.equal(
    formatRecord(failedRecord(returned, "exit code 3"), "c0"),
    '{"v":1,"index":4,"input":"a/b.dat","state":"failed","error":"exit code 3",' +
      '"worker":"node7:7433","attempt":2,"bytesIn":9,"bytesOut":4,' +
      TIMES +
      '"exitCode":3,"identity":"file-9-1-2","core":"c0","crc":"1325f32a"}\n',
  );
  assert.equal(
    formatRecord(failedRecord(crashed, "crashed"), "c0"),
    '{"v":1,"index":4,"input":"a/b.dat","state":"failed","error":"crashed",' +
      '"worker":"node7:7433","attempt":2,"bytesIn":9,"bytesOut":0,' +
      TIMES +
      '"cause":"crash","identity":"file-9-1-2","core":"c0","crc":"e52153e3"}\n',
  );
});

test("the reason of a job that failed on several nodes is there without them, too", () => {
  const crashed = completion({ kind: "error", cause: "crash", message: "crashed" });
  const record = failedRecord({ ...crashed, sharedReason: "crashed" }, "crashed on a and b");
  assert.deepEqual([record.error, record.reason], ["crashed on a and b", "crashed"]);
});

test("a job whose output could not be written has failed without an exit code", () => {
  const done = completion({ kind: "result", result: { exitCode: 0, output: encode("four") } });
  assert.equal(
    formatRecord(failedRecord(done, "bad name"), "c0"),
    '{"v":1,"index":4,"input":"a/b.dat","state":"failed","error":"bad name",' +
      '"worker":"node7:7433","attempt":2,"bytesIn":9,"bytesOut":4,' +
      TIMES +
      '"identity":"file-9-1-2","core":"c0","crc":"9c8c53d4"}\n',
  );
});

test("a line of an input that cannot be read has no worker and no identity", () => {
  const task = { kind: "unreadable", index: 4, name: "a", reason: "cannot" } as const;
  assert.equal(
    formatRecord(unreadableRecord(task), "c0"),
    '{"v":1,"index":4,"input":"a","state":"failed","error":"cannot","attempt":0,"bytesIn":0,' +
      '"bytesOut":0,"core":"c0","crc":"31378cf0"}\n',
  );
});

test("an exit code's reason has the first line of the output, if that is text", () => {
  const cases = [
    ["", "exit code 3"],
    ["no such city\nmore", "exit code 3: no such city"],
    [" \r\nmore", "exit code 3"],
    ["\u001b[31mred", "exit code 3"],
    ["x".repeat(1000), `exit code 3: ${"x".repeat(200)}`],
  ] as const;
  for (const [output, reason] of cases) {
    assert.equal(exitCodeReason({ exitCode: 3, output: encode(output) }), reason);
  }
  assert.equal(exitCodeReason({ exitCode: 3, output: Uint8Array.of(0x66, 0xff) }), "exit code 3");
});

/** The completion of a job with this answer. */
function completion(answer: Answer): Completion<ReadyTask> {
  const payload: ReadyTask = {
    kind: "ready",
    index: 4,
    name: "a/b.dat",
    identity: "file-9-1-2",
    input: new Uint8Array(9),
  };
  const job = { payload, attempt: 2, bytes: 9, addedAtMs: 1, queuedAtMs: 3, sentAtMs: 1.21 };
  const clock = { now: () => 2.91, date: () => 1_700_000_000_002.91 };
  const meter = new WorkerMeter(new WallTime(clock), {
    origin: "node7:7433",
    node: "node7",
    slots: 8,
  });
  const used = { startUs: 51_500, runUs: 1250, cpuUs: 2400, memoryBytes: 4096, slot: 3 };
  const measured = { ...answer, usage: encodeUsage(used) };
  const worker = "node7:7433";
  const completion = { job, answer: measured, worker, meter, answeredAtMs: 2.91 };
  return completion as unknown as Completion<ReadyTask>;
}
