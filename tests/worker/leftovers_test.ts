/** What a worker that is killed leaves behind, the next one on its machine removes. */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detectRuntime } from "../../runtime/detect.ts";
import { removeLeftovers } from "../../runtime/leftovers.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connect, loadCore } from "./controllers.ts";

const LONG_AGO_S = 1_000_000_000;

test("a worker removes the folders of those that were killed, and no others", async () => {
  const parent = await mkdtemp(join(tmpdir(), "dc-left-"));
  try {
    await using killed = await startWorker({ slots: 1, tmpdir: parent });
    const [left = ""] = await readdir(parent);
    await using living = await startWorker({ slots: 1, tmpdir: parent });
    const lives = (await readdir(parent)).find((name) => name !== left) as string;
    await mkdir(join(parent, "distcomp-not-ours"));
    await writeFile(join(parent, "distcomp-a-file"), "");
    await killed.kill();
    for (const name of await readdir(parent)) {
      await utimes(join(parent, name), LONG_AGO_S, LONG_AGO_S);
    }
    await removeLeftovers(await detectRuntime(), parent, "slots");
    assert.deepEqual(
      (await readdir(parent)).sort(),
      [lives, "distcomp-a-file", "distcomp-not-ours"].sort(),
    );
    await using controller = await connect(living);
    await loadCore(controller, "echo");
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});

test("it does so when it starts", async () => {
  const parent = await mkdtemp(join(tmpdir(), "dc-left-"));
  try {
    await using killed = await startWorker({ slots: 1, tmpdir: parent });
    const [left = ""] = await readdir(parent);
    await killed.kill();
    await utimes(join(parent, left), LONG_AGO_S, LONG_AGO_S);
    await using _next = await startWorker({ slots: 1, tmpdir: parent });
    await eventually("it is gone", async () => !(await readdir(parent)).includes(left));
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});

test("a young folder stays: its worker may not listen yet", async () => {
  const parent = await mkdtemp(join(tmpdir(), "dc-left-"));
  try {
    await using killed = await startWorker({ slots: 1, tmpdir: parent });
    await killed.kill();
    await removeLeftovers(await detectRuntime(), parent, "slots");
    assert.equal((await readdir(parent)).length, 1);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});
