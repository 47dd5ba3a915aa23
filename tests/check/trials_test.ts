/** Trials that are ended say nothing about their core. */

import assert from "node:assert/strict";
import process from "node:process";
import { Trials, TrialsEndedError } from "../../check/trials.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import { Gate } from "../cli/gate.ts";
import { Workspace } from "../cli/workspace.ts";
import { core } from "../lib/cores.ts";
import { testUnless } from "../lib/test.ts";

const notLinux = process.platform === "linux" ? undefined : "has no /proc";

testUnless(
  notLinux,
  "a trial that runs when trials are ended has no result, and none begins after that",
  async () => {
    await using workspace = await Workspace.make();
    const gate = new Gate(workspace);
    await workspace.writeAll({ "input": gate.job, "trials/none": "" });
    const trials = new Trials(
      await detectRuntime(),
      await core("behave"),
      workspace.at("trials"),
      60_000,
    );
    const running = trials.run({ input: workspace.at("input") });
    const rejected = assert.rejects(running, TrialsEndedError);
    await gate.reachedBy(1);
    await trials.close();
    await rejected;
    await assert.rejects(trials.run({ input: workspace.at("input") }), TrialsEndedError);
    assert.equal(await gate.reachedTimes(), 1);
  },
);
