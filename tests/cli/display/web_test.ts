/** `--web` on the command line: of a run and of a worker. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { request } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { Command } from "commander";
import {
  addWebOptions,
  DEFAULT_WEB,
  type WebFlags,
  withWebAddress,
} from "../../../cli/options/web_options.ts";
import { AddressError } from "../../../link/address.ts";
import { core } from "../../lib/cores.ts";
import { Program } from "../../lib/processes.ts";
import { test, testUnless } from "../../lib/test.ts";
import { Workspace } from "../workspace.ts";

test("what follows --web is its address only if it looks like one", () => {
  for (
    const [typed, read] of [
      [["--web", "core.so", "inputs"], ["--web=", "core.so", "inputs"]],
      [["--web"], ["--web="]],
      [["--web", "--slots", "2"], ["--web=", "--slots", "2"]],
      [["--web", "127.0.0.1:8080", "core.so"], ["--web", "127.0.0.1:8080", "core.so"]],
      [["--web", "[::1]:80"], ["--web", "[::1]:80"]],
      [["--web", "node7:0"], ["--web", "node7:0"]],
      [["--web", "8080", "core.so"], ["--web", "8080", "core.so"]],
      [["--web", "localhost", "core.so"], ["--web", "localhost", "core.so"]],
      [["--web", "0.0.0.0", "core.so"], ["--web", "0.0.0.0", "core.so"]],
      [["--web", "tests", "inputs"], ["--web=", "tests", "inputs"]],
      [["--web", "./core:1"], ["--web=", "./core:1"]],
      [["--web=node7:80", "a"], ["--web=node7:80", "a"]],
      [["core.so", "--", "--web", "a"], ["core.so", "--", "--web", "a"]],
    ] as const
  ) assert.deepEqual(withWebAddress(typed), read);
  assert.equal(DEFAULT_WEB.host, "127.0.0.1");
  assert.throws(
    () => withWebAddress(["--web", "login1", "core.so"]),
    { message: /^There is no file "login1"; .* name the port too: --web login1:8080$/ },
  );
});

test("a page may be given as a port, as a host, or as both", () => {
  const parsed = (...args: string[]) => {
    const command = addWebOptions(new Command().exitOverride());
    return command.parse(withWebAddress(args), { from: "user" }).opts<WebFlags>().web;
  };
  assert.deepEqual(parsed("--web"), DEFAULT_WEB);
  assert.deepEqual(parsed("--web", "8080"), { ...DEFAULT_WEB, port: 8080 });
  assert.deepEqual(parsed("--web", "localhost"), { ...DEFAULT_WEB, host: "localhost" });
  assert.deepEqual(parsed("--web=login1"), { ...DEFAULT_WEB, host: "login1" });
  assert.deepEqual(parsed("--web", "[::1]:80"), { ...DEFAULT_WEB, host: "::1", port: 80 });
  for (const wrong of ["99999", "unix:/x", "a:b:c", "node7:"]) {
    assert.throws(() => parsed(`--web=${wrong}`), AddressError, wrong);
  }
});

test("a run whose page cannot be served makes no output folder", async () => {
  await using workspace = await Workspace.make();
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const { code, stderr } = await workspace.run(
    ["run", await core("echo"), "--repeat", "1", "--web", `${port}`],
  );
  taken.close();
  assert.equal(code, 2, stderr);
  assert.match(
    stderr,
    /^distcomp: Cannot serve the page at 127\.0\.0\.1:\d+: .*; choose another port/,
  );
  assert(!existsSync(workspace.at("outputs")));
});

test("a worker shows what it does, and ends although a page is open", async () => {
  await using workspace = await Workspace.make();
  await using worker = await Program.start(
    ["worker", "--listen", "127.0.0.1:0", "--slots", "3", "--web", "--name", "one"],
  );
  const [, url = ""] = await worker.printed("stderr", /^the page is at (http:\S+)$/m);
  const snapshot = new URL("/api/snapshot", url);
  const state = await (await fetch(snapshot)).json();
  assert.deepEqual([state.kind, state.name, state.slots], ["worker", "one", 3]);
  assert.match(await (await fetch(new URL("/metrics", url))).text(), /^distcomp_node_slots 3$/m);
  const asked = await workspace.run(["status", `127.0.0.1:${snapshot.port}`]);
  assert.match(asked.stderr, /: a web server answers there, such as the page of --web; name the /);
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
  for (const [address, other] of [[`127.0.0.1:${port}`, "port"], ["192.0.2.1:80", "address"]]) {
    const args = ["run", "--web", address as string, "--workers", `127.0.0.1:${port}`];
    const { code, stderr } = await workspace.run([...args, await core("behave"), "a"]);
    assert.equal(code, 2);
    assert.match(
      stderr,
      new RegExp(`Cannot serve the page at \\S+: .+; choose another ${other} with --web\n`),
    );
  }
  await worker.stop();
});
