/** `--web` on the command line: of a run and of a worker. */

import assert from "node:assert/strict";
import { DEFAULT_WEB, withWebAddress } from "../../cli/web_options.ts";
import { core } from "../lib/cores.ts";
import { Program } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { Workspace } from "./workspace.ts";

test("what follows --web is its address only if it looks like one", () => {
  for (
    const [typed, read] of [
      [["--web", "core.so", "inputs"], ["--web=", "core.so", "inputs"]],
      [["--web"], ["--web="]],
      [["--web", "--slots", "2"], ["--web=", "--slots", "2"]],
      [["--web", "127.0.0.1:8080", "core.so"], ["--web", "127.0.0.1:8080", "core.so"]],
      [["--web", "[::1]:80"], ["--web", "[::1]:80"]],
      [["--web", "node7:0"], ["--web", "node7:0"]],
      [["--web", "./core:1"], ["--web=", "./core:1"]],
      [["--web=node7:80", "a"], ["--web=node7:80", "a"]],
      [["core.so", "--", "--web", "a"], ["core.so", "--", "--web", "a"]],
    ] as const
  ) assert.deepEqual(withWebAddress(typed), read);
  assert.equal(DEFAULT_WEB.host, "127.0.0.1");
});

test("a worker shows what it does, and ends although a page is open", async () => {
  await using worker = await Program.start(
    ["worker", "--listen", "127.0.0.1:0", "--slots", "3", "--web", "--name", "one"],
  );
  const [, url = ""] = await worker.printed("stderr", /^the page is at (http:\S+)$/m);
  const snapshot = new URL("/api/snapshot", url);
  const state = await (await fetch(snapshot)).json();
  assert.deepEqual([state.kind, state.name, state.slots], ["worker", "one", 3]);
  assert.match(await (await fetch(new URL("/metrics", url))).text(), /^distcomp_slots 3$/m);
  worker.signal("SIGTERM");
  assert.equal((await worker.exited).code, 0);
});

test("an address that is taken, or of another machine, is an error in a sentence", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("a", "echo a");
  await using worker = await Program.start(["worker", "--listen", "127.0.0.1:0"]);
  const [, port = ""] = await worker.printed("stdout", /^listening on 127.0.0.1:(\d+)/m);
  for (const address of [`127.0.0.1:${port}`, "192.0.2.1:80"]) {
    const args = ["run", "--web", address, "--workers", `127.0.0.1:${port}`];
    const { code, stderr } = await workspace.run([...args, await core("behave"), "a"]);
    assert.equal(code, 2);
    assert.match(stderr, /Cannot serve the page at \S+: .+; choose another port with --web\n/);
  }
  await worker.stop();
});
