/** `run --time-limit`. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { core } from "../../../lib/cores.ts";
import { test } from "../../../lib/test.ts";
import { type Ended, Workspace } from "../../workspace.ts";

const ECHO = await core("echo");

/** Time limits. A busy machine may need most of them until the first job runs. */
const LIMITS_S = [2, 4, 8, 16, 32, 64];

test("a run with a time limit finishes running jobs, ends in time, and is resumed by its command", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("jobs", "sleep 100\n".repeat(60));
  const run = ["run", await core("behave"), "--lines", "jobs", "--slots", "1"];
  const outputs = async () => Object.keys(await workspace.outputs().catch(() => ({}))).length;
  const isPart = (done: number) => done > 0 && done < 60;
  const first = await limited(workspace, run, async () => isPart(await outputs()));
  assert.equal(first.code, 4, first.stderr);
  assert.match(
    first.stderr,
    /^distcomp: The time limit is reached\nto resume: .* --time-limit \d+s$/m,
  );
  const second = await workspace.run(run);
  assert.equal(second.code, 0, second.stderr);
  const records = await workspace.records();
  assert.equal(new Set(records.map(({ index }) => index)).size, 60);
  assert.equal(records.length, 60, "nothing that was done runs again");
});

test("a run gives up jobs that its time is too short for", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("jobs", "spin\n");
  const run = ["run", await core("behave"), "--lines", "jobs", "--slots", "1"];
  const isNear = /the time limit of \d+s is near: finishing 1 job\n/;
  const { code, stderr } = await limited(workspace, run, ({ stderr }) => isNear.test(stderr));
  assert.equal(code, 4, stderr);
  assert.match(stderr, isNear);
});

test("a run that no worker has joined in time says why", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in/a", "1");
  using silent = await SilentListener.open();
  const awaited: [string[], RegExp][] = [
    [["-w", silent.address], /127\.0\.0\.1:\d+: it does not answer\n/],
    [["--listen", "127.0.0.1:0"], /nobody has connected to 127\.0\.0\.1:\d+\n/],
    [
      ["-w", "127.0.0.1:1"],
      /127\.0\.0\.1:1: connection refused\nis a worker running there\? .* --listen 1\n/,
    ],
  ];
  for (const [options, why] of awaited) {
    const run = await workspace.run(["run", ECHO, "in", ...options, "--time-limit", "1s"]);
    assert.equal(run.code, 4, run.stderr);
    const error = /^distcomp: The time limit is reached, and no worker has joined: /m;
    assert.match(run.stderr, new RegExp(error.source + why.source + "to resume: ", "m"));
  }
});

/** Accepts connections and says nothing. */
class SilentListener implements Disposable {
  readonly #sockets: Socket[] = [];
  readonly #server = createServer((socket) => this.#sockets.push(socket.on("error", () => {})));

  static async open(): Promise<SilentListener> {
    const listener = new SilentListener();
    listener.#server.listen(0, "127.0.0.1");
    await once(listener.#server, "listening");
    return listener;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** Runs anew with a longer and longer limit until the run comes as far as it should. */
async function limited(
  workspace: Workspace,
  args: readonly string[],
  isFar: (ended: Ended) => boolean | Promise<boolean>,
): Promise<Ended> {
  for (const seconds of LIMITS_S) {
    const ended = await workspace.run([...args, "--time-limit", `${seconds}s`]);
    if (await isFar(ended)) return ended;
    await rm(workspace.at("outputs"), { recursive: true });
  }
  assert.fail(`no run came that far with a limit of up to ${LIMITS_S.at(-1)} s`);
}
