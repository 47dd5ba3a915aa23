/** Nodes in networks of their own, each with a real sshd. */

import assert from "node:assert/strict";
import { core } from "../lib/cores.ts";
import { lacksNetworks, NetworkNodes } from "../lib/network_nodes.ts";
import { slowTestUnless } from "../lib/test.ts";
import { Workspace } from "../cli/workspace.ts";

function test(name: string, body: (nodes: NetworkNodes, workspace: Workspace) => Promise<void>) {
  slowTestUnless(lacksNetworks, name, async () => {
    await using nodes = await NetworkNodes.start();
    await using workspace = await Workspace.make();
    await body(nodes, workspace);
    await nodes.isQuiet();
  });
}

test(
  "a node that vanishes costs its jobs no attempt, and works again when it is back",
  async (nodes, workspace) => {
    await workspace.write("jobs", "sleep 500\n".repeat(300));
    const hosts = ["--ssh", "near[1-2]:1,far:1", "--executable", nodes.executable];
    const args = ["run", await core("behave"), "--lines", "jobs", "--retries", "0", ...hosts];
    const options = { through: nodes.here, env: nodes.env };
    await using run = await workspace.start(args, options);
    for (const node of ["near1", "near2", "far"]) {
      await run.printed("stderr", new RegExp(`worker ssh://${node}.* joined`));
    }
    nodes.cable("near1", "down");
    await run.printed("stderr", /lost worker ssh:\/\/near1/);
    nodes.cable("near1", "up");
    await run.printed("stderr", /worker ssh:\/\/near1.* is back/);
    await run.endsCleanly();
    const records = await workspace.records();
    assert.equal(records.filter(({ state }) => state === "done").length, 300);
    const workers = new Set(records.map(({ worker }) => worker));
    assert.deepEqual([...workers].sort(), ["ssh://far", "ssh://near1", "ssh://near2"]);
  },
);

test(
  "a node that only ssh reaches, and that reaches nothing itself, works for a run and stays for others",
  async (nodes, workspace) => {
    assert.equal(nodes.can("here", "ip", "route", "get", "10.77.2.2"), false, "no way there");
    assert.equal(nodes.can("far", "ip", "route", "get", "10.77.1.1"), false, "no way back");
    const options = { through: nodes.here, env: nodes.env };
    const hosts = ["far:1", "--executable", nodes.executable];
    await using up = await workspace.start(["up", "ssh", ...hosts], options);
    const [, list = ""] = await up.printed("stdout", /--workers (@\S+)/);
    await workspace.writeAll({ "inputs/a": "one", "inputs/b": "two" });
    const run = ["run", await core("echo"), "inputs"];
    const stays = await workspace.run([...run, "-w", list, "-o", "first"], options);
    assert.equal(stays.code, 0, stays.stderr);
    up.signal("SIGINT");
    await up.endsCleanly();
    const once = await workspace.run([...run, "-o", "second", "--ssh", ...hosts], options);
    assert.equal(once.code, 0, once.stderr);
    for (const folder of ["first", "second"]) {
      assert.deepEqual(await workspace.outputs(folder), { a: "one", b: "two" });
    }
  },
);

test(
  "a worker on another machine connects to a run, with a key for workers only",
  async (nodes, workspace) => {
    const here = { through: nodes.here, env: { ...nodes.env, XDG_CONFIG_HOME: workspace.path } };
    for (const args of [["create"], ["export", "--role", "worker", "worker.key"]]) {
      const { code, stderr } = await workspace.run(["key", ...args], here);
      assert.equal(code, 0, stderr);
    }
    await workspace.writeAll({ "inputs/a": "one", "inputs/b": "two" });
    const args = ["run", await core("echo"), "inputs", "--listen", "0.0.0.0:7433"];
    await using run = await workspace.start(args, here);
    const joins = ["worker", "--connect", "10.77.1.1:7433", "--key", "worker.key", "--slots", "1"];
    const there = { through: nodes.on("near1"), env: { XDG_CONFIG_HOME: workspace.at("none") } };
    await using _worker = await workspace.start(joins, there);
    await run.endsCleanly();
    assert.deepEqual(await workspace.outputs(), { a: "one", b: "two" });
  },
);

test(
  "a node that does not answer is one line, and a run that has no other ends with status 3",
  async (nodes, workspace) => {
    nodes.cable("near1", "down");
    await workspace.write("inputs/a", "one");
    const hosts = ["--ssh", "near[1-2]:1", "--executable", nodes.executable];
    const run = ["run", await core("echo"), "inputs", ...hosts];
    const options = { through: nodes.here, env: nodes.env };
    const { code, stderr } = await workspace.run(run, options);
    assert.equal(code, 0, stderr);
    nodes.cable("near2", "down");
    const none = await workspace.run([...run, "--fresh"], options);
    assert.equal(none.code, 3, none.stderr);
    assert.match(none.stderr, /ssh:\/\/near1: .*(No route to host|timed out)/);
  },
);
