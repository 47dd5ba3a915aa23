/** The journal as it is written. */

import assert from "node:assert/strict";
import { access, mkdir, readFile, symlink } from "node:fs/promises";
import { SinkError, STATE_FOLDER } from "../../../controller/output/directory_sink.ts";
import { Journal } from "../../../controller/output/journal.ts";
import type { JobRecord } from "../../../controller/output/journal_record.ts";
import { CORE, recordOf } from "./records.ts";
import { Workspace } from "../../cli/workspace.ts";
import { eventually } from "../../lib/processes.ts";
import { test, testUnless } from "../../lib/test.ts";

const FULL_DISK = "/dev/full";
const noFullDisk = await access(FULL_DISK).then(() => undefined, () => `there is no ${FULL_DISK}`);

test("every record is a line of JSON, in the order in which jobs end", async () => {
  await using workspace = await prepared();
  const log = await openIn(workspace);
  const records = Array.from({ length: 5000 }, (_, index) => recordOf(4999 - index));
  for (const record of records) log.add(record);
  await log.close(true);
  assert.deepEqual(await lines(workspace), records);
});

test("names keep every character, and no name breaks a line", async () => {
  await using workspace = await prepared();
  const log = await openIn(workspace);
  const names = ['quote"', "new\nline", "back\\slash", "ä € 𝄞", "\u0000\u001b[31m", "\u2028"];
  for (const input of names) log.add({ ...recordOf(0), input });
  await log.close(true);
  assert.deepEqual((await lines(workspace)).map(({ input }) => input), names);
});

test("a record is on the disk soon, while the run goes on", async () => {
  await using workspace = await prepared();
  const log = await openIn(workspace);
  log.add(recordOf(7));
  await eventually("the record is written", async () => (await lines(workspace)).length === 1);
  await log.close(true);
});

test("a further run appends to the journal, unless it is to be a fresh one", async () => {
  await using workspace = await prepared();
  const written = async (index: number, fresh: boolean) => {
    const log = await openIn(workspace, fresh);
    log.add(recordOf(index));
    await log.close(true);
    return (await lines(workspace)).map(({ index }) => index);
  };
  assert.deepEqual(await written(1, false), [1]);
  assert.deepEqual(await written(2, false), [1, 2]);
  assert.deepEqual(await written(3, true), [3]);
});

test("a record begins on a line of its own, whatever the file ends with", async () => {
  for (const torn of ['{"v":1,"ind', "\u0000\u0000", "garbage"]) {
    await using workspace = await prepared();
    const path = await workspace.write(`out/${STATE_FOLDER}/jobs.jsonl`, `one\n${torn}`);
    const log = await openIn(workspace);
    log.add(recordOf(7));
    await log.close(true);
    const text = await readFile(path, "utf8");
    assert(text.startsWith(`one\n${torn}\n{"v":1,"run":"begun",`), text);
    assert.match(text, /^\{"v":1,"index":7,/m);
  }
});

test("a run that goes on notes its begin at once, and its end only if every output has its record", async () => {
  for (const [isWhole, events] of [[true, ["begun", "ended"]], [false, ["begun"]]] as const) {
    await using workspace = await prepared();
    await (await openIn(workspace)).close(true);
    assert.deepEqual(await runEvents(workspace), [], "the first run has nothing to put in doubt");
    const first = await openIn(workspace);
    first.add(recordOf(1));
    await first.close(true);
    const second = await openIn(workspace);
    assert.deepEqual(await runEvents(workspace), ["begun"]);
    await second.close(isWhole);
    assert.deepEqual(await runEvents(workspace), events);
  }
});

test("a record that cannot be begun is an error that names it", async () => {
  await using workspace = await prepared();
  const path = workspace.at(`out/${STATE_FOLDER}/jobs.jsonl`);
  await mkdir(path);
  await assert.rejects(openIn(workspace), (error) => {
    assert(error instanceof SinkError);
    return error.message === `Cannot write the journal "${path}": it is a folder`;
  });
});

testUnless(noFullDisk, "a record that the disk does not take ends the run", async () => {
  await using workspace = await prepared();
  const path = workspace.at(`out/${STATE_FOLDER}/jobs.jsonl`);
  await symlink(FULL_DISK, path);
  const message = `Cannot write the journal "${path}": no space left on the disk`;
  const log = await openIn(workspace);
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
  await assert.rejects(log.close(true), { name: "SinkError", message });
});

testUnless(
  noFullDisk,
  "a record that the disk does not take at the end is an error too",
  async () => {
    await using workspace = await prepared();
    await symlink(FULL_DISK, workspace.at(`out/${STATE_FOLDER}/jobs.jsonl`));
    const log = await openIn(workspace);
    log.add(recordOf(0));
    await assert.rejects(log.close(true), SinkError);
  },
);

async function prepared(): Promise<Workspace> {
  const workspace = await Workspace.make();
  await mkdir(workspace.at(`out/${STATE_FOLDER}`), { recursive: true });
  return workspace;
}

function openIn(workspace: Workspace, fresh = false): Promise<Journal> {
  return Journal.open(workspace.at("out"), { core: CORE, fresh });
}

/** The records without what the journal adds. */
async function lines(workspace: Workspace): Promise<JobRecord[]> {
  const text = await readFile(workspace.at(`out/${STATE_FOLDER}/jobs.jsonl`), "utf8");
  const isOfJob = (line: string) => !line.includes('"run":');
  return text.split("\n").slice(0, -1).filter(isOfJob).map((line) => {
    const { v, core, crc, ...record } = JSON.parse(line);
    assert.deepEqual([v, core, crc.length], [1, CORE, 8]);
    return record;
  });
}

async function runEvents(workspace: Workspace): Promise<string[]> {
  const text = await readFile(workspace.at(`out/${STATE_FOLDER}/jobs.jsonl`), "utf8");
  return [...text.matchAll(/"run":"(\w+)"/g)].map(([, event = ""]) => event);
}
