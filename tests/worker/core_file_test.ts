/** Core files that are deleted, for example by a system that cleans up temporary folders. */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ControllerV2,
  descriptionOf,
  digestOf,
  failureOf,
  isChosen,
} from "../fixtures/peers/controller_2.ts";
import { coreBytes } from "../lib/cores.ts";
import { test } from "../lib/test.ts";
import { workerFiles } from "../lib/worker_folder.ts";
import { loadCore, run } from "./controllers.ts";
import { connect2, failed, sendLimited } from "./controllers_2.ts";
import { elapse, startFakeWorker, startOwnWorker } from "./own_worker.ts";

test("a core whose file is gone is not stored, and works again once it is sent again", async () => {
  await using folder = await CoreFolder.make();
  await using worker = await startOwnWorker({ folder: folder.path });
  await using controller = await connect2(worker, "behave");
  await loadCore(controller, "echo");
  await folder.removeCores();
  assert.deepEqual(await coresOf(controller), []);
  const behave = digestOf(await coreBytes("behave"));
  assert(!isChosen(await controller.choose("behave", behave)));
  await loadCore(controller, "behave");
  assert(isChosen(await controller.choose("behave", behave)));
  assert.deepEqual(await coresOf(controller), [behave]);
  assert.equal(await run(controller, "echo a job"), "a job");
});

test("a core whose file is gone while it is in use is usable again once it is sent again", async () => {
  await using folder = await CoreFolder.make();
  await using worker = await startFakeWorker({ folder: folder.path });
  await using controller = await connect2(worker, "behave");
  assert.equal(await run(controller, "echo a job"), "a job");
  await folder.removeCores();
  await failed(sendLimited(controller, "crash"), "crash");
  await elapse(worker.clock, failed(sendLimited(controller, "echo in a new slot"), "core"));
  await loadCore(controller, "behave");
  assert.equal(await run(controller, "echo again"), "again");
});

test("a core whose file is gone, and cannot be written again, fails the jobs of those who use it, and blocks no slot", async () => {
  await using folder = await CoreFolder.make();
  await using worker = await startFakeWorker({ folder: folder.path });
  await using user = await connect2(worker, "behave");
  assert.equal(await run(user, "echo a job"), "a job");
  await folder.removeCores();
  await folder.blockNextCore();
  await using other = await connect2(worker);
  const offered = await other.sendCore("behave", await coreBytes("behave"));
  assert.match(failureOf(offered).text, /cannot store it in/);
  await failed(sendLimited(user, "crash"), "crash");
  await elapse(worker.clock, failed(sendLimited(user, "echo in a new slot"), "core"));
  await loadCore(other, "echo");
  assert.equal(await run(other, "echo with another core"), "with another core");
  await loadCore(user, "behave");
  assert.equal(await run(user, "echo again"), "again");
});

/** The cores that a worker says it has. */
async function coresOf(controller: ControllerV2): Promise<string[]> {
  return descriptionOf(await controller.describe()).cores;
}

/** The folder where a worker makes its own. */
class CoreFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<CoreFolder> {
    return new CoreFolder(await mkdtemp(join(tmpdir(), "dc-")));
  }

  async removeCores(): Promise<void> {
    for (const path of await workerFiles(this.path, ".core")) await rm(path);
  }

  /** The file of the next core cannot be written, as on a full disk. */
  async blockNextCore(): Promise<void> {
    const own = await this.#own();
    const numbers = (await readdir(own)).map((name) => Number(/-(\d+)\.core/.exec(name)?.[1] ?? 0));
    const key = digestOf(await coreBytes("behave"));
    const next = Math.max(1, ...numbers) + 1;
    await mkdir(join(own, `${key}-${next}.core.unfinished`));
  }

  /** The worker's own folder. */
  async #own(): Promise<string> {
    const [name = ""] = await readdir(this.path);
    return join(this.path, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true });
  }
}
