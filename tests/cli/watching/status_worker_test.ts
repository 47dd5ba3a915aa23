/** `distcomp status HOST:PORT`: what a worker is doing. */

import assert from "node:assert/strict";
import type { WorkerAnswer } from "../../../watch/snapshot.ts";
import { core } from "../../lib/cores.ts";
import { freePort } from "../../lib/free_port.ts";
import { startWorker } from "../../lib/processes.ts";
import { programTest } from "../../lib/test.ts";
import { Gate } from "../gate.ts";
import { Workspace } from "../workspace.ts";

const BEHAVE = await core("behave");

programTest(
  "a worker says what it is doing to whoever has its key, and why not to others",
  async () => {
    await using workspace = await Workspace.make();
    await using worker = await startWorker({ slots: 1 });
    const address = `127.0.0.1:${worker.port}`;
    const gate = new Gate(workspace);
    await workspace.write("lines", `code 3 bad\necho 1\n${gate.job}\n`);
    const args = ["run", BEHAVE, "--lines", "lines", "--workers", address, "--retries", "0"];
    await using run = await workspace.start(args);
    await gate.reachedBy(1);

    const { stdout } = await workspace.run(["status", address, "--json"]);
    const state: WorkerAnswer = JSON.parse(stdout);
    assert.deepEqual([state.kind, state.slots, state.slotsBusy], ["worker", 1, 1]);
    assert.deepEqual(state.jobs, { done: 1, failed: 1 });
    assert.equal(state.controllers.length, 1, "the run, without who asks");
    assert.match(state.cores[0]?.name ?? "", /^behave/);
    const shown = (await workspace.run(["status", address])).stdout;
    assert.match(shown, /^worker \S+ at 127\.0\.0\.1:\d+: distcomp .*\n1 of 1 slot busy, /);

    await workspace.run(["key", "create", "other"]);
    const refused = await workspace.run(["status", address, "--key", "other"]);
    assert.equal(refused.code, 3);
    assert.match(
      refused.stderr,
      /^distcomp: Cannot ask the worker at 127\.0\.0\.1:\d+: .*key.*\n$/,
    );

    const nobody = `127.0.0.1:${await freePort()}`;
    const missed = await workspace.run(["status", nobody]);
    assert.equal(missed.code, 3);
    assert.match(missed.stderr, /^distcomp: Cannot ask the worker at .*: connection refused\n$/i);
    worker.signal("SIGTERM");
    await worker.printed("stderr", /finishing running jobs/);
    const draining = await workspace.run(["status", address]);
    assert.match(draining.stdout, /^draining: 1 of 1 slot busy, /m);
    await gate.open();
    await run.exited;
    assert.equal((await worker.exited).code, 0);
  },
);
