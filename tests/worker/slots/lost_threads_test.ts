/** Processes whose core has ended the thread that called it. */

import assert from "node:assert/strict";
import { constants } from "node:os";
import process from "node:process";
import { LostThreads } from "../../../worker/slots/lost_threads.ts";
import type { WorkerResponse } from "../../fixtures/peers/controller_v1.ts";
import { core, coreBytes } from "../../lib/cores.ts";
import { slow, test, testUnless } from "../../lib/test.ts";
import { systemOf } from "../../lib/made_up_system.ts";
import { Workspace } from "../../cli/workspace.ts";
import { outputText } from "../controllers.ts";
import { connect2, failed, isBusy, sendLimited } from "../controllers_2.ts";
import { startOwnWorker } from "../own_worker.ts";

const PID = 17;

test("a process is ended that was seen as a zombie twice, two seconds after each other, doing the same", () => {
  let isZombie = true;
  const threads = new LostThreads({
    ...systemOf({}),
    text: (path) => path === `/proc/${PID}/stat` ? statOf(isZombie) : undefined,
  });
  const lostAt = (nowMs: number, what: string) => {
    let ended = 0;
    threads.end(() => [{ pid: PID, what, end: () => ended += 1 }], nowMs);
    return ended;
  };
  assert.equal(lostAt(2_000, "job 1"), 0, "it may have ended just now");
  assert.equal(lostAt(3_999, "job 1"), 0, "it is not looked at so often");
  assert.equal(lostAt(4_000, "job 1"), 1);
  assert.equal(lostAt(6_000, "job 2"), 0, "that is another job");
  isZombie = false;
  assert.equal(lostAt(8_000, "job 2"), 0);
  isZombie = true;
  assert.equal(lostAt(10_000, "job 2"), 0);
  assert.equal(lostAt(12_000, "job 2"), 1);
});

test("a thread that a signal has ended was not ended by the core", () => {
  const reasonOf = (exitCode: number) => {
    const stat = `${PID} (core) Z ${"0 ".repeat(48)}${exitCode}\n`;
    const threads = new LostThreads(systemOf({ [`/proc/${PID}/stat`]: stat }));
    let reason = "";
    for (const nowMs of [2_000, 4_000]) {
      threads.end(() => [{ pid: PID, what: "job", end: (why) => reason = why }], nowMs);
    }
    return reason;
  };
  assert.equal(reasonOf(0), "has ended its thread, as pthread_exit does");
  assert.equal(
    reasonOf(constants.signals.SIGSYS),
    "has lost its thread to SIGSYS, probably by a system call filter (seccomp)",
  );
});

const noZombies = process.platform === "linux" ? slow : "needs /proc";

testUnless(
  noZombies,
  "a job whose core ends its thread fails with that reason, without a time limit",
  async () => {
    await using workspace = await Workspace.make();
    const args = ["run", await core("ends_thread"), "--repeat", "1", "--slots", "1"];
    const { code, stdout } = await workspace.run([...args, "--crash-limit", "1"]);
    assert.equal(code, 1);
    assert.match(stdout, /worker_run_job has ended its thread, as pthread_exit does$/m);
  },
);

testUnless(
  noZombies,
  "a core whose worker_init ends its thread cannot be loaded, also while all slots are busy",
  async () => {
    await using worker = await startOwnWorker();
    await using controller = await connect2(worker);
    const reason = /worker_init has ended its thread, as pthread_exit does/;
    const content = await coreBytes("ends_thread", { IN_INIT: 1 });
    assert.match(await failed(controller.sendCore("in a slot", content), "core"), reason);
    await using busy = await connect2(worker, "behave");
    void sendLimited(busy, "spin");
    await isBusy(busy, 1);
    const other = await coreBytes("ends_thread", { IN_INIT: 2 });
    assert.match(await failed(controller.sendCore("in a probe", other), "core"), reason);
  },
);

testUnless(
  noZombies,
  "a core that ends its thread when it frees an output is replaced",
  async () => {
    await using worker = await startOwnWorker();
    await using controller = await connect2(worker, "frees_badly");
    const [first, second] = ["thread", "next"].map((input) => sendLimited(controller, input));
    assert.equal(outputText(await first as WorkerResponse), "thread");
    assert.equal(outputText(await second as WorkerResponse), "next");
  },
);

/** What Linux says of a process whose name is of the kind that is hard to read. */
function statOf(isZombie: boolean): string {
  return `${PID} (core) R 1 (x) ${isZombie ? "Z" : "S"} 1 17 17 0`;
}
