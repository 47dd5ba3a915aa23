/** The executable of a worker that runs for months. */

import assert from "node:assert/strict";
import { statSync, utimesSync } from "node:fs";
import { keepExecutable } from "../../system/kept_executable.ts";
import { Workspace } from "../cli/workspace.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

const DAY_MS = 86_400_000;

test("the copied executable of a worker gets a new time each day, and no other program does", async () => {
  await using workspace = await Workspace.make();
  const copied = await workspace.write(`distcomp/distcomp-${"0a".repeat(16)}`, "program");
  const other = await workspace.write("distcomp/distcomp", "program");
  const clock = new VirtualClock();
  for (const path of [copied, other]) utimesSync(path, 1, 1);
  const timer = keepExecutable(clock, copied);
  assert.equal(keepExecutable(clock, other), undefined);
  for (let day = 1; day <= 2; day++) {
    await clock.advance(DAY_MS);
    const seconds = Math.floor(clock.date() / 1_000);
    await eventually(
      "it has the time of that day",
      () => Math.floor(statSync(copied).mtimeMs / 1_000) === seconds,
    );
  }
  assert.equal(statSync(other).mtimeMs, 1_000);
  timer?.stop();
});
