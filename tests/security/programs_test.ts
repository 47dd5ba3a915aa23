/** Workers and runs that know each other by a key: real programs, on an address that other machines could reach. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Workspace } from "../cli/workspace.ts";
import { Keys, outerAddress } from "../lib/connections.ts";
import { core } from "../lib/cores.ts";
import { eventually, Program } from "../lib/processes.ts";
import { programTest, programTestUnless, test, testUnless } from "../lib/test.ts";

const OUTER = outerAddress();
const NO_OUTER = OUTER === undefined ? "this machine has no address but loopback" : undefined;

/** The settings of a user who has never used distcomp, gone at the end of the test. */
class Settings implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  static async make(): Promise<Settings> {
    return new Settings(await mkdtemp(join(tmpdir(), "dc-user-")));
  }

  get env() {
    return { XDG_CONFIG_HOME: this.folder };
  }

  get key(): string {
    return join(this.folder, "distcomp", "key");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function startWorker(env: Record<string, string>, ...more: string[]): Promise<Program> {
  const args = ["worker", "--listen", `${OUTER}:0`, "--slots", "1", ...more];
  const worker = await Program.start(args, { env });
  await worker.printed("stdout", /^listening on .*\n/m);
  return worker;
}

async function inputs(): Promise<Workspace> {
  const workspace = await Workspace.make();
  await workspace.write("in/a", "hello");
  return workspace;
}

programTestUnless(
  NO_OUTER,
  "the first worker makes the key, and a run with the same home needs no option",
  async () => {
    await using settings = await Settings.make();
    await using workspace = await inputs();
    await using worker = await startWorker(settings.env);
    assert.equal((await stat(settings.key)).mode & 0o777, 0o600);
    const args = ["run", await core("echo"), "in", "--workers", `${OUTER}:${worker.port}`];
    const run = await workspace.run(args, { env: settings.env });
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(await workspace.outputs(), { a: "hello" });
    assert.match(worker.stderr, /made a key, .*distcomp\/key: other machines need a copy of it/);
  },
);

testUnless(NO_OUTER, "a large input and its output are the same behind TLS", async () => {
  await using settings = await Settings.make();
  await using workspace = await Workspace.make();
  const input = Uint8Array.from({ length: 5_000_000 }, (_, at) => at % 251);
  await workspace.write("in/a", input);
  await using worker = await startWorker(settings.env);
  const args = ["run", await core("echo"), "in", "--workers", `${OUTER}:${worker.port}`];
  const run = await workspace.run(args, { env: settings.env });
  assert.equal(run.code, 0, run.stderr);
  assert(Buffer.compare(readFileSync(workspace.at("outputs/a")), input) === 0);
});

testUnless(
  NO_OUTER,
  "with another key a run ends with status 3, and both sides say why",
  async () => {
    await using settings = await Settings.make();
    await using keys = await Keys.make();
    await using workspace = await inputs();
    await using worker = await startWorker(settings.env);
    const address = `${OUTER}:${worker.port}`;
    const args = [
      "run",
      await core("echo"),
      "in",
      "--workers",
      address,
      "--key",
      await keys.create(),
    ];
    const run = await workspace.run(args);
    assert.equal(run.code, 3, run.stderr);
    assert.match(
      run.stderr,
      /^distcomp: No worker can be used: [\d.:]+: the worker has the key \S+, but the controller has \S+: both need the same; copy .* again\n$/,
    );
    await worker.printed(
      "stderr",
      /refused [\d.:]+: the controller has the key .*both need the same/,
    );
  },
);

programTestUnless(
  NO_OUTER,
  "a worker that dials out uses the key too, and says why it is refused",
  async () => {
    await using settings = await Settings.make();
    await using other = await Settings.make();
    await using workspace = await inputs();
    const listening = ["run", await core("echo"), "in", "--listen", `${OUTER}:0`];
    await using run = await Program.start(listening, { env: settings.env, cwd: workspace.at("") });
    const [, address] = await run.printed("stderr", /^waiting for workers on (\S+)$/m);
    const connecting = ["worker", "--connect", address as string, "--slots", "1"];
    {
      await using stranger = await Program.start(connecting, { env: other.env });
      await stranger.printed(
        "stderr",
        /Cannot serve controller .*: the .* has the key .*; retrying/,
      );
      await run.printed("stderr", /refused [\d.:]+: the worker has the key .*both need the same/);
    }
    await rm(other.key);
    await copyFile(settings.key, other.key);
    await using worker = await Program.start(connecting, { env: other.env });
    await run.endsCleanly();
    assert.deepEqual(await workspace.outputs(), { a: "hello" });
    await worker.stop();
  },
);

testUnless(NO_OUTER, "a plain program on another address is told that it needs a key", async () => {
  await using settings = await Settings.make();
  await using workspace = await inputs();
  await using worker = await startWorker(settings.env);
  const address = `${OUTER}:${worker.port}`;
  const run = await workspace.run(["run", await core("echo"), "in", "-w", address, "--insecure"]);
  assert.equal(run.code, 3);
  assert.match(run.stderr, /it refused the version exchange: this worker needs a key/);
  assert.match(run.stderr, /warning: --insecure: /);
});

test("a run on one machine makes no key, and reads none", async () => {
  await using settings = await Settings.make();
  await using workspace = await inputs();
  await mkdir(join(settings.folder, "distcomp"));
  const env = { ...settings.env, DISTCOMP_KEY: join(settings.folder, "missing") };
  const run = await workspace.run(["run", await core("echo"), "in"], { env });
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await readdir(join(settings.folder, "distcomp")), []);
});

programTest(
  "a worker without a home for its key still serves this user on this machine",
  async () => {
    await using settings = await Settings.make();
    await using workspace = await inputs();
    const env = { XDG_CONFIG_HOME: "/proc/no-such-folder" };
    await using named = await Program.start(["worker", "--listen", "0.0.0.0:0"], { env });
    await eventually("it ends", async () => (await named.exited).code === 3);
    assert.match(
      named.stderr,
      /^distcomp: Cannot write the key ".*": .*; make one elsewhere with distcomp key create FILE, and name it with --key or DISTCOMP_KEY$/m,
    );
    await using worker = await Program.start(["worker", "--listen", "127.0.0.1:0"], { env });
    await worker.printed("stdout", /^listening on .*\n/m);
    const args = ["run", await core("echo"), "in", "-w", `127.0.0.1:${worker.port}`];
    assert.equal((await workspace.run(args, { env: settings.env })).code, 0);
  },
);
