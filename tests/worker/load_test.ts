/** Cores that cannot be loaded: the answer says why, and the worker is as good as before. */

import assert from "node:assert/strict";
import process from "node:process";
import { type ControllerV1, errorText } from "../fixtures/peers/controller_v1.ts";
import { utf8 } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { eventually } from "../lib/processes.ts";
import { test, testUnless } from "../lib/test.ts";
import { connect, connectWith, failureOf, loadCore, run, send } from "./controllers.ts";
import { elapse, startFakeWorker, startOwnWorker, startTimedWorker } from "./own_worker.ts";

const faulty: [string, RegExp][] = [
  ["init_refuses", /: worker_init returned 7$/],
  ["init_crashes", /: crashed: SIGABRT$/],
  ["no_symbols", /: it lacks worker_init, worker_run_job, worker_free_outdata$/],
  ["no_init", /: it lacks worker_init$/],
  ["no_run", /: it lacks worker_run_job$/],
  ["no_free", /: it lacks worker_free_outdata$/],
  ["needs_library", /\bdistcomp_no_such_function\b/],
  ["needs_library_lazily", /\bdistcomp_no_such_function\b/],
];

test("a faulty core is refused with the reason, and a good one behind it loads", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect(worker);
  for (const [core, reason] of faulty) {
    await assertRefused(controller, await coreBytes(core), reason);
  }
  await loadCore(controller, "echo");
  assert.equal(await run(controller, "a job"), "a job");
});

test("the name of a core that is as long as a payload is cut in the log, and before the reason in the answer", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect(worker);
  const content = await coreBytes("init_refuses");
  const answer = errorText(await controller.sendCore("n".repeat(1_000_000), content));
  assert.match(answer, /^Cannot load compute core "n+…": worker_init returned 7$/);
  await worker.logs(/cannot load compute core/);
  assert(worker.log.length < 4_000, `${worker.log.length} characters of log`);
});

test("a file that is not a library is refused as a core", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect(worker);
  await assertRefused(controller, utf8("#!/bin/sh\n"), /text/);
  await assertRefused(controller, new Uint8Array(0), /empty/);
});

test("half a core is refused", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect(worker);
  const whole = await coreBytes("echo");
  await assertRefused(controller, whole.subarray(0, whole.length >> 1), /./);
});

const notElf = process.platform === "linux" ? undefined : "libraries have another format here";
testUnless(
  notElf,
  "a core for another kind of machine is refused, and both kinds are named",
  async () => {
    const E_MACHINE_AT = 18; // where an ELF header says for which processor the file is
    const EM_386 = 3;
    const foreign = Uint8Array.from(await coreBytes("echo"));
    foreign[E_MACHINE_AT] = EM_386;
    await using worker = await startFakeWorker();
    await using controller = await connect(worker);
    await assertRefused(controller, foreign, /built for i686, this machine is \w+/);
  },
);

test("a core is checked, and refused, also while every slot is busy", async () => {
  await using worker = await startOwnWorker();
  await using busy = await connectWith(worker, "behave");
  void send(busy, "sleep 600000");
  await using controller = await connect(worker);
  for (const core of ["init_refuses", "init_crashes"]) {
    assert.equal((await controller.sendCore(core, await coreBytes(core))).kind, "error");
  }
  await loadCore(controller, "echo");
});

test("a core that does not come back from worker_init is given up after a while", async () => {
  await using worker = await startOwnWorker({ coreLoadLimitMs: 200 });
  await using controller = await connect(worker);
  const refusal = errorText(await controller.sendCore("hangs", await coreBytes("init_hangs")));
  assert.match(refusal, /"hangs": loading it and worker_init took longer than 0.2s$/);
  await loadCore(controller, "echo");
  assert.equal(await run(controller, "a job"), "a job");
});

/** What a core that refuses may do at its end, and until then. */
const ENDINGS = { HANGS: 1, ABORTS: 1, THREADS: 8 };

for (const [ending, value] of Object.entries(ENDINGS)) {
  test(`a core that refuses is reported with its own reason, and its process ends, with ${ending}`, async () => {
    await using worker = await startTimedWorker();
    await using controller = await connect(worker);
    const core = await coreBytes("ends_badly", { RESULT: 5, [ending]: value });
    await assertRefused(controller, core, /: worker_init returned 5 \(no license\)$/);
    const ended = eventually("its process has ended", () => worker.processes.running === 0);
    await elapse(worker.clock, ended);
    await loadCore(controller, "echo");
  });
}

async function assertRefused(
  controller: ControllerV1,
  content: Uint8Array,
  reason: RegExp,
): Promise<void> {
  assert.match(errorText(await controller.sendCore("faulty", content)), reason);
  assert.match(await failureOf(controller, "a job"), /"faulty"/);
}
