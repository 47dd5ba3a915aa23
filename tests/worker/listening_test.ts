/** What `distcomp worker` says and refuses at its start. */

import assert from "node:assert/strict";
import process from "node:process";
import { Program, startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connectWith, run } from "./controllers.ts";

test("a worker says where it listens, in one line, and nothing else on stdout", async () => {
  await using worker = await startWorker({ slots: 3 });
  await using controller = await connectWith(worker, "echo");
  assert.equal(await run(controller, "hello"), "hello");
  await worker.stop();
  assert.match(worker.stdout, /^listening on 127\.0\.0\.1:\d+, 3 slots\n$/);
});

test("a worker with --insecure says at its start what that means", async () => {
  const args = ["worker", "--listen", "127.0.0.1:0", "--slots", "1", "--insecure"];
  await using worker = await Program.start(args);
  await worker.printed("stdout", /^listening on 127\.0\.0\.1:\d+, 1 slots?\n$/);
  await worker.printed("stderr", /warning: --insecure: anyone who can connect to 127\.0\.0\.1:0 /);
  const isRoot = process.geteuid?.() === 0;
  assert.equal(/--insecure as root/.test(worker.stderr), isRoot);
});

test("a worker whose port is taken says so and gives up", async () => {
  await using first = await startWorker();
  const address = `127.0.0.1:${first.port}`;
  await using second = await Program.start(["worker", "--listen", address]);
  assert.deepEqual(await second.exited, { code: 2, signal: null });
  assert.match(second.stderr, new RegExp(`Cannot listen on ${address}: .*in use`));
  assert.equal(second.stdout, "");
});
