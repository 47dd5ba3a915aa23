/** Slots that are stopped while they run a job. */

import assert from "node:assert/strict";
import process from "node:process";
import { StoppedSlots } from "../../../worker/slots/stopped_slots.ts";
import { core } from "../../lib/cores.ts";
import { systemOf } from "../../lib/made_up_system.ts";
import { slow, test, testUnless } from "../../lib/test.ts";
import { Workspace } from "../../cli/workspace.ts";

const PID = 17;
const TOLD = "a slot is stopped in worker_run_job; to continue it: kill -CONT 17";

test("a slot that was seen stopped twice while it ran the same job is told of, once", () => {
  let letter = "T";
  const lines: string[] = [];
  const slots = new StoppedSlots(
    { ...systemOf({}), text: () => `${PID} (core) ${letter} 1 17 17 0` },
    { printed: (line) => lines.push(line) },
  );
  const toldAt = (nowMs: number, what: string) => {
    slots.tell(() => [{ pid: PID, what }], nowMs);
    return lines.splice(0);
  };
  assert.deepEqual(
    toldAt(2_000, "worker_run_job 1"),
    [],
    "its worker may be about to let it go on",
  );
  assert.deepEqual(toldAt(3_999, "worker_run_job 1"), [], "it is not looked at so often");
  assert.deepEqual(toldAt(4_000, "worker_run_job 1"), [TOLD]);
  assert.deepEqual(toldAt(6_000, "worker_run_job 1"), []);
  letter = "S";
  assert.deepEqual(toldAt(8_000, "worker_run_job 1"), []);
  letter = "T";
  assert.deepEqual(toldAt(10_000, "worker_run_job 1"), []);
  assert.deepEqual(toldAt(12_000, "worker_run_job 2"), [], "that is another job");
  assert.deepEqual(toldAt(14_000, "worker_run_job 2"), [TOLD]);
});

testUnless(
  process.platform === "linux" ? slow : "needs /proc",
  "a run tells of a job that stops its slot, and how to continue it",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("lines", "kill -STOP $PPID\n");
    const args = ["run", await core("shell"), "--lines", "lines", "--slots", "1"];
    await using program = await workspace.start(args);
    const [, pid] = await program.printed(
      "stderr",
      /^a slot is stopped in worker_run_job; to continue it: kill -CONT (\d+)$/m,
    );
    process.kill(Number(pid), "SIGCONT");
    assert.equal(await program.exited.then(({ code }) => code), 0);
  },
);
