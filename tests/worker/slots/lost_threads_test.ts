/** Slots whose core has ended the thread of its job. */

import assert from "node:assert/strict";
import process from "node:process";
import type { Job } from "../../../pool/job.ts";
import type { CurrentJob, DispatchId, EndpointId } from "../../../pool/types.ts";
import { LostThreads } from "../../../worker/slots/lost_threads.ts";
import { core } from "../../lib/cores.ts";
import { slow, test, testUnless } from "../../lib/test.ts";
import { systemOf } from "../../lib/made_up_system.ts";
import { Workspace } from "../../cli/workspace.ts";

const SLOT = 1 as EndpointId;
const PID = 17;

test("a job fails whose process was seen as a zombie twice, two seconds after each other", () => {
  let isZombie = true;
  const threads = new LostThreads({
    ...systemOf({}),
    text: (path) => path === `/proc/${PID}/stat` ? statOf(isZombie) : undefined,
  });
  const lostAt = (nowMs: number, dispatch: number, hasBegun = true) =>
    threads.among([current(dispatch, hasBegun)], () => PID, nowMs).length;
  assert.equal(lostAt(2_000, 1), 0, "it may have ended just now");
  assert.equal(lostAt(3_999, 1), 0, "it is not looked at so often");
  assert.equal(lostAt(4_000, 1), 1);
  assert.equal(lostAt(6_000, 2), 0, "that is another job, in another process");
  isZombie = false;
  assert.equal(lostAt(8_000, 2), 0);
  isZombie = true;
  assert.equal(lostAt(10_000, 2), 0);
  assert.equal(lostAt(12_000, 3, false), 0, "its slot has not begun it");
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
    assert.match(stdout, /the core has ended the thread of its job, as pthread_exit does$/m);
  },
);

/** What Linux says of a process whose name is of the kind that is hard to read. */
function statOf(isZombie: boolean): string {
  return `${PID} (core) R 1 (x) ${isZombie ? "Z" : "S"} 1 17 17 0`;
}

function current(dispatch: number, hasBegun: boolean): CurrentJob<string> {
  const job = {} as Job<string>;
  return { endpoint: SLOT, dispatch: dispatch as DispatchId, job, hasBegun };
}
