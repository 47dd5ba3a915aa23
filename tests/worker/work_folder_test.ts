/** The folder of a worker with `--workdir`. */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { detectRuntime } from "../../runtime/detect.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { Worker } from "../../worker/worker.ts";
import { test } from "../lib/test.ts";
import { connectWith, run } from "./controllers.ts";
import { startFakeWorker, startOwnWorker } from "./own_worker.ts";

test("a worker that is closed, or that kills its slots, leaves nothing in its workdir", async () => {
  await using disk = await Disk.make("disk");
  for (const end of ["close", "kill"] as const) {
    await using own = await startFakeWorker({ workdir: disk.path });
    assert.match((await disk.names())[0] ?? "", /^distcomp-/);
    await own.worker[end]();
    assert.deepEqual(await disk.names(), [], end);
  }
});

test("a workdir whose path is too long for a socket is used, with a warning", async () => {
  await using disk = await Disk.make("x".repeat(100));
  await using own = await startOwnWorker({ workdir: disk.path });
  await own.logs(
    /nobody will remove .*x\/distcomp-\w+ if this worker is killed .*: its path is too/,
  );
  await using controller = await connectWith(own, "place");
  const cwd = await run(controller, "cwd");
  assert(cwd.startsWith(`${disk.path}/distcomp-`), cwd);
});

test("a workdir that does not exist is an error, and no other folder is made", async () => {
  await using disk = await Disk.make("disk");
  const options = { slots: 1, folder: disk.path, workdir: join(disk.path, "none") };
  await assert.rejects(
    Worker.start(await detectRuntime(), options),
    /Cannot make a working folder in ".*none": no such file or folder; name an existing folder/,
  );
  assert.deepEqual(await disk.names(), []);
});

test("a worker whose slots can connect nowhere leaves nothing in its workdir, and owns nothing there", async () => {
  await using disk = await Disk.make("disk");
  const real = await detectRuntime();
  const closed: string[] = [];
  const listen: Runtime["listen"] = (address) => {
    const path = address.kind === "unix" ? address.path : "";
    if (path.endsWith("/slots")) throw new Error("no sockets are left");
    const listener = real.listen(address);
    const close = () => {
      closed.push(basename(path));
      listener.close();
    };
    return { address: listener.address, accept: () => listener.accept(), close };
  };
  const options = { slots: 1, folder: disk.path, workdir: disk.path };
  await assert.rejects(Worker.start({ ...real, listen }, options), /no sockets are left/);
  assert.deepEqual(await disk.names(), []);
  assert.deepEqual(closed, ["owner"]);
});

/** A folder that stands for another disk. */
class Disk implements AsyncDisposable {
  private constructor(readonly parent: string, readonly path: string) {}

  static async make(name: string): Promise<Disk> {
    const parent = await mkdtemp(join(tmpdir(), "dc-"));
    await mkdir(join(parent, name));
    return new Disk(parent, join(parent, name));
  }

  names(): Promise<string[]> {
    return readdir(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.parent, { recursive: true, force: true });
  }
}
