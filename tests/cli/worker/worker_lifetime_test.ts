/** Workers that end by themselves, as processes. */

import assert from "node:assert/strict";
import { core } from "../../lib/cores.ts";
import { Program, startWorker } from "../../lib/processes.ts";
import { programTest, slowTest, test } from "../../lib/test.ts";
import { Workspace } from "../workspace.ts";

const AT_ONCE = ["--listen", "127.0.0.1:0", "--slots", "1"];

programTest(
  "a worker whose time is over hands its jobs over, and they cost no attempt",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("jobs", "sleep 100\n".repeat(40));
    const options = ["--lines", "jobs", "--listen", "127.0.0.1:0", "--retries", "0"];
    await using run = await workspace.start(["run", await core("behave"), ...options]);
    const [, address = ""] = await run.printed("stderr", /waiting for workers on (\S+)/);
    // Its time begins when the run is there, however long that takes to start.
    const joins = ["worker", "--slots", "1", "--connect", address];
    await using ends = await Program.start([...joins, "--time-limit", "3s"]);
    await run.printed("stderr", /worker \S+ (is draining|has drained)/);
    await ends.endsCleanly();
    await using _stays = await Program.start(joins);
    await run.endsCleanly();
    assert.equal(Object.keys(await workspace.outputs()).length, 40);
    assert.match(ends.stderr, /left, and jobs take \S+|the time is nearly over/);
  },
);

slowTest(
  "a worker gives up a job that its time is too short for, and another one runs it",
  async () => {
    await using workspace = await Workspace.make();
    await using ends = await Program.start(["worker", ...AT_ONCE, "--time-limit", "3s"]);
    await ends.printed("stdout", /^listening on .*\n/m);
    await workspace.write("jobs", "sleep 5000\n");
    await workspace.write("workers", `127.0.0.1:${ends.port}\n`);
    await using run = await workspace.start(
      ["run", await core("behave"), "--lines", "jobs", "-w", "@workers"],
    );
    await ends.printed("stderr", /giving up 1 job, to run elsewhere/);
    await using stays = await startWorker({ slots: 1 });
    await workspace.write("workers", `127.0.0.1:${stays.port}\n`);
    await run.endsCleanly();
    await ends.endsCleanly();
    const [record] = await workspace.records();
    assert.equal(record?.state, "done");
  },
);

test("a worker that nobody needs ends after --idle-timeout", async () => {
  await using worker = await Program.start(["worker", ...AT_ONCE, "--idle-timeout", "300ms"]);
  await worker.endsCleanly();
  assert.match(worker.stderr, /no job for \S+: ending/);
});

test("a worker in a batch job ends in the time that it is given", async () => {
  // An end that has passed when the program has started would not be its own.
  const end = String(Math.round(Date.now() / 1000) + 10);
  const env = { SLURM_JOB_ID: "7", SLURM_JOB_END_TIME: end };
  await using worker = await Program.start(["worker", ...AT_ONCE], { env });
  await worker.endsCleanly();
  assert.match(worker.stderr, /ending within \d+s, which Slurm gives it/);
});

test("--time-limit must be a time", async () => {
  await using worker = await Program.start(["worker", "--time-limit", "3h55"]);
  await worker.endsCleanly(2);
  assert.match(worker.stderr, /--time-limit must be a time over 0, such as .* not "3h55"/);
});
