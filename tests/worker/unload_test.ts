/** A core's destructors run when it is unloaded, whatever the reason is. */

import assert from "node:assert/strict";
import { Workspace } from "../cli/workspace.ts";
import { coreInCpp } from "../lib/cores.ts";
import { startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connectWith, loadCore, run } from "./controllers.ts";
import { startFakeWorker, startOwnWorker } from "./own_worker.ts";
import { Trace } from "./trace.ts";

/** What the core `destructor` writes at its end, once for each process that had loaded it. */
const UNLOADED_ONCE = /^unloaded \d+\n$/;

test("a core is unloaded when its controller sends another", async () => {
  await using trace = new Trace();
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "destructor");
  await run(controller, trace.path);
  await loadCore(controller, "echo");
  await trace.matches(UNLOADED_ONCE);
});

test("a core is unloaded when the next one is refused", async () => {
  await using trace = new Trace();
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "destructor");
  await run(controller, trace.path);
  await assert.rejects(loadCore(controller, "init_refuses"), /returned 7/);
  await trace.matches(UNLOADED_ONCE);
});

test("a core is unloaded when its last controller is gone, and not before", async () => {
  await using trace = new Trace();
  await using worker = await startOwnWorker();
  await using first = await connectWith(worker, "destructor");
  await using last = await connectWith(worker, "destructor");
  await run(first, trace.path);
  await first.close();
  await worker.isLeft();
  await run(last, trace.path);
  assert.equal(await trace.text(), "");
  await last.close();
  await trace.matches(UNLOADED_ONCE);
});

test("a worker that ends with its controller starts no new slots when that is gone", async () => {
  for (const [endsWithController, processes] of [[true, 1], [false, 2]] as const) {
    await using worker = await startFakeWorker({ slots: 1, endsWithController });
    await using controller = await connectWith(worker, "behave");
    await run(controller, "echo 1");
    await controller.close();
    await worker.isLeft();
    await worker.clock.advance(1_000);
    assert.equal(worker.fakes.started.length, processes);
  }
});

test("a core is unloaded when the worker is told to end", async () => {
  await using trace = new Trace();
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connectWith(worker, "destructor");
  await run(controller, trace.path);
  await worker.stop();
  assert.match(await trace.text(), UNLOADED_ONCE); // without waiting: the worker has waited
});

/** How a core in C++ may be built: some ways keep the C library from unloading it. */
const BUILDS = {
  plain: [],
  "with a unique symbol": ["-DUNIQUE"],
  "with its own libstdc++": ["-static-libstdc++"],
  "so that worker_init fails": ["-DREFUSES", "-DUNIQUE"],
};

for (const [how, flags] of Object.entries(BUILDS)) {
  test(`what a C++ core registers for its end runs once in each slot, built ${how}`, async () => {
    await using workspace = await Workspace.make();
    const core = await coreInCpp("destructors", flags);
    const { stderr } = await workspace.run(["run", core, "--repeat", "2", "--slots", "1"]);
    const lines = stderr.split("\n").filter((line) => / ran$/.test(line)).sort();
    assert.deepEqual(lines, [...new Set(lines)], "once in each process");
    const processes = new Set(lines.map((line) => line.split(":")[0]));
    assert.equal(lines.length, 2 * processes.size, stderr);
    assert(processes.size > 0, stderr);
  });
}
