/** Cores whose end goes wrong: their jobs are done, and the run says so. */

import assert from "node:assert/strict";
import { core } from "../../../lib/cores.ts";
import { programTest } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

programTest("a run says once that its core crashes, or takes too long, at its end", async () => {
  const ends = {
    ABORTS: /^warning: a slot process with core "[^"]+" crashed: SIGABRT, when it ended$/m,
    HANGS: /^warning: a slot process with core "[^"]+" was ended: it took more than 5s to end$/m,
  };
  for (const [end, text] of Object.entries(ends)) {
    await using workspace = await Workspace.make();
    const path = await core("ends_badly", { [end]: 1 });
    const { code, stderr } = await workspace.run(["run", path, "--repeat", "9", "--slots", "2"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, text);
    assert.equal(stderr.match(/warning: /g)?.length, 1, stderr);
  }
});
