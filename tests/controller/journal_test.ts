/** The record of finished jobs. */

import assert from "node:assert/strict";
import { access, mkdir, readFile, symlink } from "node:fs/promises";
import { SinkError, STATE_FOLDER } from "../../controller/directory_sink.ts";
import { JobLog, type JobRecord } from "../../controller/job_log.ts";
import { Workspace } from "../cli/workspace.ts";
import { eventually } from "../lib/processes.ts";
import { test, testUnless } from "../lib/test.ts";

const FULL_DISK = "/dev/full";
const noFullDisk = await access(FULL_DISK).then(() => undefined, () => `there is no ${FULL_DISK}`);

test("every record is a line of JSON, in the order in which jobs end", async () => {
  await using workspace = await prepared();
  const log = await JobLog.open(workspace.at("out"));
  const records = Array.from({ length: 5000 }, (_, index) => recordOf(4999 - index));
  for (const record of records) log.add(record);
  await log.close();
  assert.deepEqual(await lines(workspace), records);
});

test("names keep every character, and no name breaks a line", async () => {
  await using workspace = await prepared();
  const log = await JobLog.open(workspace.at("out"));
  const names = ['quote"', "new\nline", "back\\slash", "ä € 𝄞", "\u0000\u001b[31m", "\u2028"];
  for (const input of names) log.add({ ...recordOf(0), input });
  await log.close();
  assert.deepEqual((await lines(workspace)).map(({ input }) => input), names);
});

test("a record is on the disk soon, while the run goes on", async () => {
  await using workspace = await prepared();
  const log = await JobLog.open(workspace.at("out"));
  log.add(recordOf(7));
  await eventually("the record is written", async () => (await lines(workspace)).length === 1);
  await log.close();
});

test("a new run begins a new record", async () => {
  await using workspace = await prepared();
  for (const index of [1, 2]) {
    const log = await JobLog.open(workspace.at("out"));
    log.add(recordOf(index));
    await log.close();
  }
  assert.deepEqual((await lines(workspace)).map(({ index }) => index), [2]);
});

test("a record that cannot be begun is an error that names it", async () => {
  await using workspace = await prepared();
  const path = workspace.at(`out/${STATE_FOLDER}/jobs.jsonl`);
  await mkdir(path);
  await assert.rejects(JobLog.open(workspace.at("out")), (error) => {
    assert(error instanceof SinkError);
    return error.message === `Cannot write the job record "${path}": it is a folder`;
  });
});

testUnless(noFullDisk, "a record that the disk does not take ends the run", async () => {
  await using workspace = await prepared();
  const path = workspace.at(`out/${STATE_FOLDER}/jobs.jsonl`);
  await symlink(FULL_DISK, path);
  const message = `Cannot write the job record "${path}": no space left on the disk`;
  const log = await JobLog.open(workspace.at("out"));
  log.add(recordOf(0));
  await eventually("the failure is told to who adds", () => {
    try {
      log.add(recordOf(1));
    } catch (error) {
      assert(error instanceof SinkError);
      assert.equal(error.message, message);
      return true;
    }
  });
  await assert.rejects(log.close(), { name: "SinkError", message });
});

testUnless(
  noFullDisk,
  "a record that the disk does not take at the end is an error too",
  async () => {
    await using workspace = await prepared();
    await symlink(FULL_DISK, workspace.at(`out/${STATE_FOLDER}/jobs.jsonl`));
    const log = await JobLog.open(workspace.at("out"));
    log.add(recordOf(0));
    await assert.rejects(log.close(), SinkError);
  },
);

async function prepared(): Promise<Workspace> {
  const workspace = await Workspace.make();
  await mkdir(workspace.at(`out/${STATE_FOLDER}`), { recursive: true });
  return workspace;
}

function recordOf(index: number): JobRecord {
  return {
    index,
    input: `inputs/${index}`,
    state: "done",
    exitCode: 0,
    worker: "node7:7433",
    attempt: 1,
    bytesIn: index,
    bytesOut: 2 * index,
    queueMs: 0.5,
    runMs: 1.25,
  };
}

async function lines(workspace: Workspace): Promise<JobRecord[]> {
  const text = await readFile(workspace.at(`out/${STATE_FOLDER}/jobs.jsonl`), "utf8");
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}
