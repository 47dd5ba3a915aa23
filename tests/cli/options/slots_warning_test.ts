/** The warning about many more slots than CPUs. */

import assert from "node:assert/strict";
import { slotsWarning } from "../../../cli/options/slots_warning.ts";
import { usableCpus } from "../../../system/usable_cpus.ts";
import { core } from "../../lib/cores.ts";
import { slowTestUnless, test } from "../../lib/test.ts";
import { Workspace } from "../workspace.ts";

test("far more slots than CPUs cause a warning, several for each CPU none", () => {
  assert.equal(slotsWarning(32, 2), undefined);
  assert.equal(
    slotsWarning(1_000, 2),
    "1,000 slots on 2 CPUs: each is a process, and so many take long to start; " +
      "more slots than CPUs help only jobs that wait",
  );
  assert.match(slotsWarning(17, 1) ?? "", /^17 slots on 1 CPU: /);
});

test("a worker warns before it starts its slots", async () => {
  await using workspace = await Workspace.make();
  const elsewhere = "203.0.113.1:1"; // it cannot listen there, and so starts none
  const args = ["worker", "--listen", elsewhere, "--slots", "4096", "--insecure"];
  const { stderr } = await workspace.run(args);
  assert.match(
    stderr,
    /warning: 4,096 slots on \d+ CPUs?: each is .*\n(?:.*\n)*.*Cannot listen on/,
  );
});

const manyCpus = usableCpus() > 4 ? "would start too many slots" : undefined;

slowTestUnless(manyCpus, "a run warns of slots of its own worker", async () => {
  await using workspace = await Workspace.make();
  const slots = String(16 * usableCpus() + 1);
  const run = await workspace.run(["run", await core("echo"), "--repeat", "0", "--slots", slots]);
  assert.match(run.stderr, new RegExp(`^warning: ${slots} slots on \\d+ CPUs?: each is`, "m"));
});
