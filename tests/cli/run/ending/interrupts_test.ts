/** What signals do to a run, one after the other. */

import assert from "node:assert/strict";
import { Interrupts } from "../../../../cli/run/interrupts.ts";
import type { StopSignal } from "../../../../cli/terminal/signals.ts";
import { InterruptedError } from "../../../../controller/run_errors.ts";
import { test } from "../../../lib/test.ts";
import { statusWith } from "../../statuses.ts";

test("the first signal lets running jobs finish, and the second does not", () => {
  assert.deepEqual(doneBy("SIGINT"), [
    "interrupt",
    "says finishing 32 running jobs; interrupt again to stop at once",
  ]);
  assert.deepEqual(doneBy("SIGTERM", "SIGHUP").slice(2), [
    "abandon",
    "says stopping at once: 32 running jobs will run again when the run is resumed",
  ]);
});

test("SIGQUIT does not wait for running jobs", () => {
  assert.deepEqual(doneBy("SIGQUIT"), [
    "abandon",
    "says stopping at once: 32 running jobs will run again when the run is resumed",
  ]);
});

test("a signal that comes while inputs are checked ends the wait for them", async () => {
  const interrupts = new Interrupts("to resume: …");
  const forever = interrupts.race(new Promise(() => {}));
  interrupts.onStop("SIGINT");
  await assert.rejects(forever, InterruptedError);
});

for (const [signal, effect] of [["SIGINT", "interrupt"], ["SIGQUIT", "abandon"]] as const) {
  test(`${signal} that comes just before the run is built has the same effect: ${effect}`, () => {
    const interrupts = new Interrupts("to resume: …");
    interrupts.onStop(signal);
    const done: string[] = [];
    interrupts.onRun(recorded(done), messages(done));
    assert.equal(done[0], effect);
  });
}

/** What happens to a run that gets these signals. */
function doneBy(...signals: StopSignal[]): string[] {
  const interrupts = new Interrupts("to resume: …");
  const done: string[] = [];
  interrupts.onRun(recorded(done), messages(done));
  for (const signal of signals) interrupts.onStop(signal);
  return done;
}

function recorded(done: string[]) {
  return {
    interrupt: () => done.push("interrupt") > 0,
    abandon: () => void done.push("abandon"),
    status: statusWith({ slots: 64 }),
  };
}

function messages(done: string[]) {
  return {
    write: (line: string) => void done.push(`says ${line}`),
    progress: { stop: () => {} },
  };
}
