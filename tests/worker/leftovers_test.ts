/** The next worker on a machine removes the folders that killed ones have left behind. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detectRuntime } from "../../runtime/detect.ts";
import { removeAfterOwner, removeLeftovers } from "../../system/leftovers.ts";
import { machineId } from "../../system/machine.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connect, loadCore } from "./controllers.ts";

const LONG_AGO_S = 1_000_000_000;

test("the folders of killed workers are removed, and no others", async () => {
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

test("a folder of another machine stays, although its socket accepts no connection", async () => {
  await using left = await startKilled();
  const owners = [
    JSON.stringify({ name: "elsewhere", boot: "another" }),
    JSON.stringify({ ...machineId(), boot: "another" }),
    JSON.stringify({ name: "elsewhere" }),
    '{"name":', // half written
    undefined,
  ];
  for (const owner of owners) {
    if (owner === undefined) await rm(left.machine);
    else await writeFile(left.machine, owner);
    await utimes(left.folder, LONG_AGO_S, LONG_AGO_S);
    await removeLeftovers(await detectRuntime(), left.parent, "slots");
    assert.equal((await readdir(left.parent)).length, 1, `written by ${owner}`);
  }
});

test("a worker that starts removes the folders of killed ones", async () => {
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

test("what a run has not removed before it ended is removed by its worker, even if only the socket is gone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dc-left-"));
  await writeFile(join(folder, "added"), "while the run removed the folder");
  await removeAfterOwner(await detectRuntime(), folder, "controller");
  assert(!existsSync(folder));
});

test("the folder of a run that still listens stays", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dc-left-"));
  const runtime = await detectRuntime();
  const listener = runtime.listen({ kind: "unix", path: join(folder, "controller") });
  try {
    const accepted = listener.accept();
    const removed = removeAfterOwner(runtime, folder, "controller");
    (await accepted)?.close();
    const next = listener.accept();
    await removed;
    (await next)?.close();
    assert(existsSync(folder));
  } finally {
    listener.close();
    await rm(folder, { recursive: true, force: true });
  }
});

test("a folder that was just made stays: its worker may not listen yet", async () => {
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

/** What a killed worker has left. */
interface Left extends AsyncDisposable {
  readonly parent: string;
  readonly folder: string;
  /** The file that says where it ran. */
  readonly machine: string;
}

async function startKilled(): Promise<Left> {
  const parent = await mkdtemp(join(tmpdir(), "dc-left-"));
  await using killed = await startWorker({ slots: 1, tmpdir: parent });
  await killed.kill();
  const [name = ""] = await readdir(parent);
  const folder = join(parent, name);
  return {
    parent,
    folder,
    machine: join(folder, "machine"),
    [Symbol.asyncDispose]: () => rm(parent, { recursive: true }),
  };
}
