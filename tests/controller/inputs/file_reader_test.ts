/** How many files are read at once, and how large one may be. */

import assert from "node:assert/strict";
import { truncate } from "node:fs/promises";
import { readFiles } from "../../../controller/inputs/file_reader.ts";
import type { SourceTask } from "../../../controller/inputs/source.ts";
import type { FinishedJobs } from "../../../controller/output/finished_jobs.ts";
import { HUGE_BLOB_BYTES_MAX } from "../../../protocol/mod.ts";
import { systemFiles as files } from "../../../runtime/files/system_files.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";
import { reasonOf } from "./sources.ts";

/** Bytes that are read at once, unless a single file is larger. */
const READ_BYTES_MAX = 32 * 1024 * 1024;

test("files are read together until they have 32 MiB, and from then on again", async () => {
  await using workspace = await Workspace.make();
  const sizes = [READ_BYTES_MAX - 1, 1, 5, 6, READ_BYTES_MAX + 1, 7, 8];
  assert.deepEqual(await batchesOf(workspace, sizes), [2, 3, 2]);
});

test("an input may have a tebibyte, and not a byte more", async () => {
  await using workspace = await Workspace.make();
  // Files without content; those that can be inputs are skipped, so that none is read.
  const finished: FinishedJobs = {
    outcomesOf: (inputs) => Promise.resolve(inputs.map(() => ({ state: "done" }))),
  };
  const [fits, isTooLarge] = await read(
    workspace,
    [HUGE_BLOB_BYTES_MAX, HUGE_BLOB_BYTES_MAX + 1],
    finished,
  );
  assert.equal(fits?.kind, "skipped");
  assert.match(
    reasonOf(isTooLarge) ?? "",
    /it is larger than 1 TiB, the limit for an input: cut it into several$/,
  );
});

/** How many files of these sizes are read together. */
async function batchesOf(workspace: Workspace, sizes: readonly number[]): Promise<number[]> {
  const lengths: number[] = [];
  for await (const batch of readFiles(await filesOf(workspace, sizes), { files })) {
    lengths.push(batch.length);
  }
  return lengths;
}

async function read(
  workspace: Workspace,
  sizes: readonly number[],
  finished: FinishedJobs,
): Promise<SourceTask[]> {
  const tasks: SourceTask[] = [];
  for await (const batch of readFiles(await filesOf(workspace, sizes), { files, finished })) {
    tasks.push(...batch);
  }
  return tasks;
}

function filesOf(workspace: Workspace, sizes: readonly number[]) {
  return Promise.all(sizes.map(async (bytes, index) => {
    const path = await workspace.write(`in/${index}`, "");
    await truncate(path, bytes);
    return { index, name: String(index), path };
  }));
}
