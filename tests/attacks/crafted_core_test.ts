/** A core whose tables are crafted: each of its parts is valid, and all of them together are endless. */

import assert from "node:assert/strict";
import { machine, platform } from "node:os";
import { startWorker } from "../lib/processes.ts";
import { slowTestUnless } from "../lib/test.ts";
import { connect } from "../worker/controllers.ts";
import { assertKept, HonestRun } from "./attack.ts";
import { craftedLibrary } from "./crafted_library.ts";

const SLOTS = 2;

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
