/** Writing the journal. */

import assert from "node:assert/strict";
import { access, mkdir, readFile, symlink } from "node:fs/promises";
import { SinkError } from "../../../controller/output/sink_errors.ts";
import { STATE_FOLDER } from "../../../controller/output/state_folder.ts";
import {
  Journal,
  journalIn,
  type JournalOptions,
} from "../../../controller/output/journal/journal.ts";
import { formatRecord, type JobRecord } from "../../../controller/output/journal/journal_record.ts";
import { CORE, recordOf } from "./records.ts";
import { Workspace } from "../../cli/workspace.ts";
import { eventually } from "../../lib/processes.ts";
import { test, testUnless } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";
import type { Files, OpenFile } from "../../../runtime/files/files.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";
import type { FolderFiles } from "../../../runtime/files/files_below.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";

const FULL_DISK = "/dev/full";
const noFullDisk = await access(FULL_DISK).then(() => undefined, () => `there is no ${FULL_DISK}`);

test("every record is a line of JSON, in the order in which jobs end", async () => {
  await using workspace = await prepared();
  const journal = await openIn(workspace);
  const records = Array.from({ length: 5000 }, (_, index) => recordOf(4999 - index));
  for (const record of records) journal.add(record);
  await journal.close(true);
  assert.deepEqual(await lines(workspace), records);
});

test("names keep every character, and no name breaks a line", async () => {
  await using workspace = await prepared();
  const journal = await openIn(workspace);
  const names = ['quote"', "new\nline", "back\\slash", "ä € 𝄞", "\u0000\u001b[31m", "\u2028"];
  for (const input of names) journal.add({ ...recordOf(0), input });
  await journal.close(true);
  assert.deepEqual((await lines(workspace)).map(({ input }) => input), names);
});

/** Behind it, a record would be lost by a `kill -9` although its job ended a tenth of a second before. */
const FLUSH_MS = 20;

test("a record is with the system after a fiftieth of a second, while the run goes on", async () => {
  await using workspace = await prepared();
  const clock = new VirtualClock();
  const journal = await openIn(workspace, { clock });
  for (const index of [7, 8]) {
    journal.add(recordOf(index));
    const before = await lines(workspace);
    await clock.advance(FLUSH_MS - 1);
    assert.deepEqual(await lines(workspace), before);
    await clock.advance(1);
    assert.deepEqual((await lines(workspace)).map(({ index }) => index).at(-1), index);
  }
  await journal.close(true);
  assert.equal(clock.timers, 0, "a closed journal has no timers");
});

test("16 KiB of records are written at once, however late the timers of a busy process are", async () => {
  await using workspace = await prepared();
  const clock = new VirtualClock();
  const journal = await openIn(workspace, { clock });
  const one = recordOf(7);
  const lineChars = formatRecord(one, CORE).length;
  const records = Math.ceil((16 * 1024) / lineChars);
  for (let record = 1; record < records; record++) journal.add(one);
  assert.deepEqual(await lines(workspace), []);
  journal.add(one);
  assert.equal((await lines(workspace)).length, records);
  assert.equal(clock.now(), 0);
  await journal.close(true);
});

test("a record is with the system in time while the disk takes long to sync earlier ones", async () => {
  const { disk, clock, runtime } = new MemoryNetwork();
  disk.files.makeFolderSync(`/out/${STATE_FOLDER}`);
  const synced = Promise.withResolvers<void>();
  const files = appendingWith(runtime.files, () => ({ datasync: () => synced.promise }));
  const journal = await Journal.open(files, "/out", { core: CORE, fresh: false, clock });
  journal.add(recordOf(1));
  await clock.advance(5_000);
  for (const index of [2, 3]) {
    journal.add(recordOf(index));
    await clock.advance(FLUSH_MS);
    assert.equal(disk.text(journalIn("/out"))?.split("\n").length, index + 1);
  }
  synced.resolve();
  await journal.close(true);
});

test("a slow disk gets records beside other work, and is tried again later", async () => {
  const { disk, clock, runtime } = new MemoryNetwork();
  disk.files.makeFolderSync(`/out/${STATE_FOLDER}`);
  let [isSlow, blockedMs] = [true, 0];
  const written: string[] = [];
  const files = appendingWith(runtime.files, (file) => ({
    append: (bytes) => {
      written.push("beside other work");
      return file.append(bytes);
    },
    appendSync: () => {
      written.push("at once");
      if (isSlow) blockedMs += 200;
    },
  }));
  const journal = await Journal.open(files, "/out", {
    core: CORE,
    fresh: false,
    clock: {
      now: () => clock.now() + blockedMs,
      date: () => clock.date(),
      after: (ms, action) => clock.after(ms, action),
      every: (ms, action) => clock.every(ms, action),
      nextTurn: () => clock.nextTurn(),
    },
  });
  const add = async (index: number) => {
    journal.add(recordOf(index));
    await clock.advance(FLUSH_MS);
  };
  for (const index of [1, 2, 3]) await add(index);
  assert.deepEqual(written, ["at once", "beside other work", "beside other work"]);
  isSlow = false;
  await clock.advance(60_000);
  for (const index of [4, 5]) await add(index);
  assert.deepEqual(written.slice(3), ["at once", "at once"]);
  await journal.close(true);
});

test("a further run appends to the journal, unless it is fresh", async () => {
  await using workspace = await prepared();
  const written = async (index: number, fresh: boolean) => {
    const journal = await openIn(workspace, { fresh });
    journal.add(recordOf(index));
    await journal.close(true);
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
    const journal = await openIn(workspace);
    journal.add(recordOf(7));
    await journal.close(true);
    const text = await readFile(path, "utf8");
    assert(text.startsWith(`one\n${torn}\n{"v":1,"run":"begun",`), text);
    assert.match(text, /^\{"v":1,"index":7,/m);
  }
});

test("a resumed run notes its begin at once, and its end only if each output has its record", async () => {
  for (const [isComplete, events] of [[true, ["begun", "ended"]], [false, ["begun"]]] as const) {
    await using workspace = await prepared();
    await (await openIn(workspace)).close(true);
    assert.deepEqual(await runEvents(workspace), [], "the first run makes no record outdated");
    const first = await openIn(workspace);
    first.add(recordOf(1));
    await first.close(true);
    const second = await openIn(workspace);
    assert.deepEqual(await runEvents(workspace), ["begun"]);
    await second.close(isComplete);
    assert.deepEqual(await runEvents(workspace), events);
  }
});

test("a journal that cannot be opened is an error that names it", async () => {
  await using workspace = await prepared();
  const path = workspace.at(`out/${STATE_FOLDER}/jobs.jsonl`);
  await mkdir(path);
  await assert.rejects(openIn(workspace), (error) => {
    assert(error instanceof SinkError);
    return error.message === `Cannot write the journal "${path}": it is a folder`;
  });
});

testUnless(
  noFullDisk,
  "a record that the disk does not take is an error for whoever adds the next one",
  async () => {
    await using workspace = await prepared();
    const path = workspace.at(`out/${STATE_FOLDER}/jobs.jsonl`);
    await symlink(FULL_DISK, path);
    const message =
      `Cannot write the journal "${path}": no space left on the disk, or no inodes (df -i)`;
    const clock = new VirtualClock();
    const journal = await openIn(workspace, { clock });
    journal.add(recordOf(0));
    await clock.advance(500);
    await eventually("the next record is refused", () => {
      try {
        journal.add(recordOf(1));
      } catch (error) {
        assert(error instanceof SinkError);
        assert.equal(error.message, message);
        return true;
      }
    });
    await assert.rejects(journal.close(true), { name: "SinkError", message });
  },
);

testUnless(
  noFullDisk,
  "a record that the disk does not take when the journal is closed is an error",
  async () => {
    await using workspace = await prepared();
    await symlink(FULL_DISK, workspace.at(`out/${STATE_FOLDER}/jobs.jsonl`));
    const journal = await openIn(workspace);
    journal.add(recordOf(0));
    await assert.rejects(journal.close(true), SinkError);
  },
);

async function prepared(): Promise<Workspace> {
  const workspace = await Workspace.make();
  await mkdir(workspace.at(`out/${STATE_FOLDER}`), { recursive: true });
  return workspace;
}

function openIn(workspace: Workspace, options: Partial<JournalOptions> = {}): Promise<Journal> {
  const defaults = { core: CORE, fresh: false, clock: new VirtualClock() };
  return Journal.open(systemFiles, workspace.at("out"), { ...defaults, ...options });
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

/** Files that are opened to append to them, some of whose operations are replaced. */
function appendingWith(
  files: Files,
  operations: (file: OpenFile) => Partial<OpenFile>,
): FolderFiles {
  const openToAppend: Files["openToAppend"] = async (...args) => {
    const file = await files.openToAppend(...args);
    return { ...file, ...operations(file) };
  };
  return { openToAppend } as FolderFiles;
}
