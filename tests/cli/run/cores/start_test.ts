/** Cores that take long to load: visible, limited, side by side, and nobody waits for one that nobody needs. */

import assert from "node:assert/strict";
import { core } from "../../../lib/cores.ts";
import { startWorker } from "../../../lib/processes.ts";
import { slowTest, test } from "../../../lib/test.ts";
import { endOf, Workspace } from "../../workspace.ts";

slowTest("a core that takes long to load is loaded side by side, and the run says so", async () => {
  await using workspace = await Workspace.make();
  await using worker = await startWorker({ slots: 3 });
  const slow = await core("init_sleeps", { SLEEP_MS: 10_000 });
  const address = `127.0.0.1:${worker.port}`;
  const options = ["--repeat", "30", "--workers", address];
  const startedAtMs = performance.now();
  await using program = await workspace.begin(["run", slow, ...options]);
  await program.printed("stderr", /loading core on 3 of 3 slots, \d+s/);
  assert.equal((await endOf(program)).code, 0, program.stderr);
  assert(performance.now() - startedAtMs < 19_000, "the slots load it at the same time");
});

test("a run whose core does not load within --init-timeout ends with that reason", async () => {
  await using workspace = await Workspace.make();
  const args = ["run", await core("init_hangs"), "--repeat", "1", "--init-timeout", "500ms"];
  const { code, stderr } = await workspace.run([...args, "--slots", "2"]);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /loading it and worker_init took longer than 0\.5s/);
});

test("--init-timeout reaches workers on other machines", async () => {
  await using workspace = await Workspace.make();
  await using worker = await startWorker({ slots: 1 });
  const address = `127.0.0.1:${worker.port}`;
  const args = ["run", await core("init_hangs"), "--repeat", "1", "--workers", address];
  const { code, stderr } = await workspace.run([...args, "--init-timeout", "0.5s"]);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /loading it and worker_init took longer than 0\.5s/);
});

test("a run does not wait at its end for slots that still load the core", async () => {
  await using workspace = await Workspace.make();
  const args = ["run", await core("init_once", { PATH: `\"${workspace.at("first")}\"` })];
  const startedAtMs = performance.now();
  const { code, stderr } = await workspace.run([...args, "--repeat", "2", "--slots", "2"]);
  assert.equal(code, 0, stderr);
  assert(performance.now() - startedAtMs < 30_000, "it would have taken a minute");
});
