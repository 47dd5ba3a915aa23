/** `--web` on the command line: of a run and of a worker. */

import assert from "node:assert/strict";
import { request } from "node:https";
import { networkInterfaces } from "node:os";
import { DEFAULT_WEB, withWebAddress } from "../../cli/web_options.ts";
import { core } from "../lib/cores.ts";
import { Program } from "../lib/processes.ts";
import { test, testUnless } from "../lib/test.ts";
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

/** An address of this machine at which others reach it. */
const OUTER = Object.values(networkInterfaces()).flat()
  .find((one) => one && one.family === "IPv4" && !one.internal)?.address;

testUnless(
  OUTER === undefined ? "this machine has no network but loopback" : undefined,
  "a page at an address that others reach opens with its token, over TLS, for those without a key",
  async () => {
    await using workspace = await Workspace.make();
    const args = ["worker", "--listen", "127.0.0.1:0", "--web", `${OUTER}:0`];
    await using worker = await workspace.start(args);
    const [, url = ""] = await worker.printed("stderr", /^the page is at (https:\S+)$/m);
    assert.equal(await statusOf(url), 200);
    assert.notEqual(await statusOf(url), 200, "the token works once");
    await worker.stop();
  },
);

/** What the server answers to a client that knows neither its certificate nor a key. */
function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on("error", reject);
    sent.end();
  });
}

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
