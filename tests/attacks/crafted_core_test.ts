/** A core whose tables are crafted: each of its parts is valid, and all of them together are endless. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { machine, platform } from "node:os";
import { startWorker } from "../lib/processes.ts";
import { slowTestUnless, testUnless } from "../lib/test.ts";
import { connect, connectWith, run } from "../worker/controllers.ts";
import { assertKept, HonestRun } from "./attack.ts";
import { craftedLibrary, craftedSymbols } from "./crafted_library.ts";

const SLOTS = 2;

/** A worker takes less than half of this. */
const RESIDENT_BYTES_MAX = 512 * 2 ** 20;

const notElf = platform() === "linux" && /^(x86_64|aarch64)$/.test(machine())
  ? undefined
  : "needs Linux on x86-64 or arm64";

slowTestUnless(
  notElf,
  "a crafted library of a megabyte costs a worker neither its memory nor its time",
  async () => {
    await using worker = await startWorker({ slots: SLOTS });
    await using honest = await HonestRun.start(worker, SLOTS);
    const before = await honest.phase();
    await using controller = await connect(worker);
    const answer = controller.sendCore("crafted", craftedLibrary());
    const during = await honest.phase(4_000);
    assert.equal((await answer).kind, "error");
    assertKept(before, during);
  },
);

testUnless(
  notElf,
  "a crafted library of a megabyte whose names overlap costs a worker no memory to speak of",
  async () => {
    await using worker = await startWorker({ slots: 1 });
    await using controller = await connect(worker);
    assert.equal((await controller.sendCore("crafted", craftedSymbols())).kind, "error");
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${worker.pid}/status`, "utf8"));
    const bytes = Number(peak?.[1]) * 1024;
    assert(bytes < RESIDENT_BYTES_MAX, `the worker took ${bytes} bytes`);
    await using neighbor = await connectWith(worker, "echo");
    assert.equal(await run(neighbor, "served"), "served");
  },
);
