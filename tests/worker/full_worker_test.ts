/** A worker all of whose places are taken: it says so, and whoever tries again later is served. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import process from "node:process";
import { endOf, Workspace } from "../cli/workspace.ts";
import { concat, ERROR, FrameReader, textOf } from "../fixtures/peers/frames.ts";
import { core, coreBytes } from "../lib/cores.ts";
import { startWorker } from "../lib/processes.ts";
import { testUnless } from "../lib/test.ts";
import { connectRaw, coreMessage, readFrames, reset, versionMessage } from "./raw.ts";

const notLinux = process.platform === "linux"
  ? undefined
  : "only Linux says how many files are open";

/** Connections of one host: half of those that 128 open files are enough for. */
const PLACES = 13;

testUnless(
  notLinux,
  "a controller that finds no place is told so, and a run that tries again is served when there is one",
  async () => {
    const through = ["sh", "-c", 'ulimit -n 128; exec "$@"', "sh"];
    await using worker = await startWorker({ slots: 1, through });
    const hangs = coreMessage(1n, "hangs", await coreBytes("init_hangs"));
    const controllers: Socket[] = [];
    for (let place = 0; place < PLACES; place++) {
      const controller = await connectRaw(worker);
      controllers.push(controller);
      controller.write(concat(hangs, versionMessage(2n))); // it waits for the core, so it is not idle
      await readFrames(controller, 1);
    }
    using refused = await connectRaw(worker);
    const received: Uint8Array[] = [];
    refused.on("data", (bytes: Uint8Array) => received.push(bytes)).resume();
    await once(refused, "close");
    const [answer, ...more] = new FrameReader().push(concat(...received));
    assert.deepEqual([answer?.type, answer?.id, more], [ERROR, 0n, []]);
    assert.equal(
      textOf(answer?.payload as Uint8Array),
      `too many connections from this host: ${PLACES} are open and in use, the most with a limit of 128 ` +
        "open files (ulimit -n); a place may be free later",
    );
    await using workspace = await Workspace.make();
    const address = `127.0.0.1:${worker.port}`;
    const args = ["run", await core("echo"), "--repeat", "1", "--workers", address];
    await using run = await workspace.start(args);
    await run.printed(
      "stderr",
      /too many connections from this host: 13 are open and in use, the most with .*; a place may be free later; trying again/,
    );
    controllers.forEach(reset);
    const ended = await endOf(run);
    assert.equal(ended.code, 0, ended.stderr);
  },
);
