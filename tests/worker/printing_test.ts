/** What a core prints is for people: it goes to the worker's log, and never into the protocol. */

import assert from "node:assert/strict";
import process from "node:process";
import { startWorker } from "../lib/processes.ts";
import { programTest, test, testUnless } from "../lib/test.ts";
import { connect, connectWith, loadCore, run, send } from "./controllers.ts";
import { startOwnWorker } from "./own_worker.ts";

const MEBIBYTE = 2 ** 20;

test("what a core prints goes to the worker's log, with the slot's name, also while it is loaded", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect(worker);
  await loadCore(controller, "init_prints");
  await worker.printed("stderr", /: init_prints: version 1\n/);
  await loadCore(controller, "behave");
  assert.equal(await run(controller, "stdout a word on stdout"), "a word on stdout");
  assert.equal(await run(controller, "stderr a word on stderr"), "a word on stderr");
  await worker.printed("stderr", /slot 1: a word on stdout\n/);
  await worker.printed("stderr", /slot 1: a word on stderr\n/);
  assert.match(worker.stdout, /^listening on [^\n]+\n$/);
});

testUnless(
  process.platform === "linux" ? undefined : "only Linux says how a stream is buffered",
  "stdout of a core is written line by line, with room for a line",
  async () => {
    await using worker = await startOwnWorker();
    await using controller = await connectWith(worker, "line_buffered");
    assert.equal(await run(controller, ""), "lines, 4096 bytes");
  },
);

testUnless(
  process.platform === "linux" ? undefined : "Bun's outputs can be opened by name only on Linux",
  "what a core starts can open /dev/stderr",
  async () => {
    await using worker = await startOwnWorker();
    await using controller = await connectWith(worker, "shell");
    const command = "echo a word from a shell >/dev/stderr && echo done";
    assert.equal(await run(controller, command), "done\n");
    await worker.logs(/^slot 1: a word from a shell$/m);
  },
);

test("a core may print what looks like the protocol", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  const frame = "\x01\x01\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0abcd";
  for (const stream of ["stdout", "stderr"]) {
    assert.equal(await run(controller, `${stream} ${frame}`), frame);
  }
});

programTest(
  "a worker whose stderr is not read goes on, reports the lost lines later, and ends when asked to",
  async () => {
    await using worker = await startWorker({ slots: 1 });
    await using controller = await connectWith(worker, "behave");
    worker.pauseStderr(true);
    const lines = "a line that nobody reads\n".repeat(MEBIBYTE / 25);
    for (let job = 0; job < 3; job++) await run(controller, `stdout ${lines}`);
    assert.equal(await run(controller, "echo still here"), "still here");
    worker.pauseStderr(false);
    await worker.printed("stderr", /lines were lost here/);
    assert.equal(await run(controller, "stdout seen again"), "seen again");
    await worker.printed("stderr", /: seen again\n/);
    worker.pauseStderr(true);
    await run(controller, `stdout ${lines.slice(-MEBIBYTE / 4)}`); // more than the pipe holds
    await worker.stop();
  },
);

test("everything that a core prints is there when it is read, however late", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connectWith(worker, "behave");
  worker.pauseStderr(true);
  const lines = Array.from({ length: 10_000 }, (_, index) => `line ${index}`);
  await run(controller, `stdout ${lines.join("\n")}\n`);
  worker.pauseStderr(false);
  await worker.printed("stderr", /: line 9999\n/);
  assert.deepEqual(worker.stderr.match(/(?<=: )line \d+/g), lines);
});

programTest("a core that prints and prints does not fill the worker's memory", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connectWith(worker, "behave");
  await run(controller, "stdout warm");
  const before = await worker.residentBytes();
  const line = "without an end ".repeat(MEBIBYTE / 15);
  const lines = "many\n".repeat(MEBIBYTE / 50);
  for (let job = 0; job < 150; job++) {
    const text = job % 75 === 0 ? lines : line;
    const printed = send(controller, `${job % 2 === 0 ? "stdout" : "stderr"} ${text}`);
    assert.equal((await printed).kind, "ok");
  }
  const grown = await worker.residentBytes() - before;
  assert(grown < 140 * MEBIBYTE, `the worker has grown by ${Math.round(grown / MEBIBYTE)} MiB`);
});
