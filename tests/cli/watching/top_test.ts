/** `distcomp top` on a real terminal, in tmux. */

import assert from "node:assert/strict";
import { core } from "../../lib/cores.ts";
import { eventually } from "../../lib/processes.ts";
import { test, testUnless } from "../../lib/test.ts";
import { Gate } from "../gate.ts";
import { lacksTmux, Screen } from "../screen.ts";
import { Workspace } from "../workspace.ts";

const BEHAVE = await core("behave");

testUnless(
  lacksTmux,
  "top fills the terminal, follows its size, and leaves it as it was, also for Ctrl-Z and at the end of the run",
  async () => {
    await using workspace = await Workspace.make();
    const env = { XDG_RUNTIME_DIR: workspace.path };
    const gate = new Gate(workspace);
    await workspace.write("lines", `code 3 bad\n${gate.job}\n`);
    await using run = await workspace.start(["run", BEHAVE, "--lines", "lines"], { env });
    await eventually("the run can be asked", async () => {
      return (await workspace.leftovers().catch((): string[] => [])).includes("live.json");
    });
    const script = {
      variables: `XDG_RUNTIME_DIR=${workspace.path}`,
      before: "set -m; echo before",
      after: "echo it has stopped; read answer; fg; echo over",
    };
    using screen = new Screen(80, workspace, "top outputs", script);
    const isShown = (columns: number) => {
      const text = screen.text();
      const title = text.split("\n").find((line) => line.startsWith("WORKERS 1"));
      return title !== undefined && /^FAILED 1$/m.test(text) && /^q leave/m.test(text) &&
        /^this machine +1\/\d+ /m.test(text) && !text.includes("before") &&
        text.split("\n").every((line) => line.length <= columns);
    };
    await eventually("the screen", () => isShown(80));
    screen.resize(60);
    await eventually("a narrower screen", () => isShown(60));
    screen.type("C-z");
    await eventually(
      "the first screen",
      () => /^before$/m.test(screen.text()) && /^it has stopped$/m.test(screen.text()),
    );
    assert.doesNotMatch(screen.text(), /^WORKERS/m);
    screen.type("Enter");
    await eventually("the screen again", () => isShown(60));
    await gate.open();
    await run.exited;
    await eventually("the end of the run", () => /^over$/m.test(screen.text()));
    assert.match(screen.text(), /^the run in .* has ended: 1 job done,\s+1 failed$/m);
    assert.doesNotMatch(screen.text(), /^WORKERS/m);
  },
);

test("top without a terminal names status", async () => {
  await using workspace = await Workspace.make();
  const { code, stderr } = await workspace.run(["top", "outputs"]);
  assert.deepEqual([code, stderr], [
    2,
    "distcomp: distcomp top needs a terminal; distcomp status prints the same once\n",
  ]);
});
