/** Opening an output folder: what it removes, and what it gives back if it fails. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { SinkError } from "../../../controller/output/sink_errors.ts";
import { STATE_FOLDER } from "../../../controller/output/state_folder.ts";
import { LockedError } from "../../../controller/output/lock.ts";
import { type FolderOptions, OutputFolder } from "../../../controller/output/output_folder.ts";
import { systemRandom } from "../../../runtime/clock.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";
import { CORE } from "./records.ts";

const STATE = `out/${STATE_FOLDER}`;

const OPTIONS: FolderOptions = { core: CORE, fresh: false, retryFailed: false };

test("an output folder is held until it is released, and by one run only", async () => {
  await using workspace = await Workspace.make();
  const first = await open(workspace);
  await assert.rejects(open(workspace), LockedError);
  await close(first);
  await close(await open(workspace));
});

test("an output folder whose journal cannot be opened is left as it was, with no lock and no timer", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at(`${STATE}/jobs.jsonl`), { recursive: true });
  const clock = new VirtualClock();
  await assert.rejects(open(workspace, { clock }), SinkError);
  assert.deepEqual(await readdir(workspace.at(STATE)), ["jobs.jsonl"]);
  assert.equal(clock.timers, 0);
  await rm(workspace.at(`${STATE}/jobs.jsonl`), { recursive: true });
  await close(await open(workspace));
});

test("an output folder that cannot be opened says why, whatever else fails then, and its lock is released", async () => {
  const disk = new MemoryDisk();
  let isReleased = false;
  const lock = {
    removeLeftovers: () => Promise.resolve(),
    release: () => {
      isReleased = true;
      return Promise.reject(new Error("the lock stays"));
    },
  };
  disk.onOperation = (operation, path) => {
    if (operation === "open" && path.endsWith("jobs.jsonl")) throw new Error("the disk is gone");
    if (operation === "remove") throw new Error("nothing can be removed");
  };
  const ports = { clock: new VirtualClock(), random: systemRandom, files: disk.files };
  await disk.files.makeFolder(`/${STATE}`);
  await assert.rejects(OutputFolder.openLocked(ports, "/out", OPTIONS, lock), /the disk is gone/);
  assert(isReleased);
});

test("the temporary files of runs that were killed are removed, and nothing else is", async () => {
  await using workspace = await Workspace.make();
  await workspace.write(`${STATE}/unfinished-4711/3`, "half an output");
  await workspace.write(`${STATE}/notes`, "of the user");
  await workspace.write("out/unfinished-1", "an output");
  const opened = await open(workspace);
  assert(!existsSync(workspace.at(`${STATE}/unfinished-4711`)));
  assert(existsSync(workspace.at(`${STATE}/notes`)));
  assert(existsSync(workspace.at("out/unfinished-1")));
  await close(opened);
});

test("a fresh run has no earlier results", async () => {
  await using workspace = await Workspace.make();
  for (const fresh of [false, true]) {
    const opened = await open(workspace, { fresh });
    assert.equal(opened.resume === undefined, fresh);
    await close(opened);
  }
});

interface Options extends Partial<FolderOptions> {
  readonly clock?: VirtualClock;
}

function open(
  workspace: Workspace,
  { clock = new VirtualClock(), ...options }: Options = {},
): Promise<OutputFolder> {
  const all = { ...OPTIONS, ...options };
  return OutputFolder.open(
    { clock, random: systemRandom, files: systemFiles },
    workspace.at("out"),
    all,
  );
}

async function close(folder: OutputFolder): Promise<void> {
  await folder.journal.close(true);
  await folder.sink.close();
  await folder.release();
}
