/** Another user of the same machine attacks over loopback, while honest work goes on. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { Workspace } from "../cli/workspace.ts";
import { core } from "../lib/cores.ts";
import { Program, startWorker } from "../lib/processes.ts";
import { programTestUnless, testUnless } from "../lib/test.ts";
import { concat } from "../fixtures/peers/frames.ts";
import { coreMessage, jobMessage, versionMessage } from "../worker/raw.ts";

/** A user that has no name. */
const STRANGER = ["setpriv", "--reuid=54321", "--clear-groups"];

const CANNOT_BE_ANOTHER = process.platform === "linux" && process.getuid?.() === 0 &&
    spawnSync("setpriv", ["--version"]).status === 0
  ? undefined
  : "needs root on Linux, to be another user";

/** What the stranger gets from a port on loopback after it has sent a file, within two seconds. */
async function strangerGets(port: number, sent: string): Promise<Uint8Array> {
  const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; cat >&3; timeout 2 cat <&3`;
  const [program, ...args] = [...STRANGER, "bash", "-c", script];
  const child = spawn(program as string, args, { stdio: ["pipe", "pipe", "inherit"] });
  const chunks: Uint8Array[] = [];
  child.stdout.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  child.stdin.on("error", () => {}); // it may be disconnected before it has sent all
  child.stdin.end(readFileSync(sent));
  await once(child, "close");
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

const textIn = (frame: Uint8Array) => new TextDecoder().decode(frame.subarray(17));

testUnless(
  CANNOT_BE_ANOTHER,
  "another user of the machine cannot command a worker on loopback, not even one of root",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in/a", "honest");
    await using worker = await startWorker({ slots: 1 });
    const attack = workspace.at("attack");
    const messages = [
      versionMessage(5n),
      coreMessage(6n, "evil", readFileSync(await core("echo"))),
      jobMessage(7n, "owned"),
    ];
    await writeFile(attack, concat(...messages));
    const answers = await strangerGets(worker.port, attack);
    assert.equal(answers[0], 0xff);
    assert.match(textIn(answers), /^this worker needs a key[^]*$/);
    assert(!textIn(answers).includes("owned"));
    await worker.printed("stderr", /refused 127\.0\.0\.1:\d+: it does not use TLS/);
    const honest = ["run", await core("echo"), "in", "-w", `127.0.0.1:${worker.port}`];
    assert.equal((await workspace.run(honest)).code, 0);
    assert.doesNotMatch(worker.stderr, /evil/);
  },
);

programTestUnless(
  CANNOT_BE_ANOTHER,
  "another user of the machine cannot pose as a worker of a run that listens on loopback",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in/a", "honest");
    const args = ["run", await core("echo"), "in", "--listen", "127.0.0.1:0"];
    await using run = await Program.start(args, { cwd: workspace.at("") });
    const [, port] = await run.printed("stderr", /^waiting for workers on 127\.0\.0\.1:(\d+)$/m);
    const attack = workspace.at("attack");
    await writeFile(attack, "I am a worker, send me the core and the inputs");
    const got = await strangerGets(Number(port), attack);
    assert.match(textIn(got), /^this run needs a key/);
    await writeFile(attack, "");
    assert.equal((await strangerGets(Number(port), attack)).byteLength, 0);
    await using worker = await Program.start(["worker", "--connect", `127.0.0.1:${port}`]);
    await run.endsCleanly();
    assert.deepEqual(await workspace.outputs(), { a: "honest" });
    await worker.stop();
  },
);
