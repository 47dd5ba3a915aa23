/** Outputs of more than 1 GiB, which a worker relays while the slot writes them. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import process from "node:process";
import { HEADER_BYTES } from "../../protocol/mod.ts";
import { core } from "../lib/cores.ts";
import { eventually } from "../lib/processes.ts";
import { slowTestUnless } from "../lib/test.ts";
import { connectWith, run } from "./controllers.ts";
import { type OwnWorker, startOwnWorker } from "./own_worker.ts";
import { connectRaw, coreMessage, jobMessage, versionMessage } from "./raw.ts";

const notLinux = process.platform === "linux" ? undefined : "only Linux takes more than 1 GiB";

/** A slightly smaller one has room in shared memory. */
const BYTES = 2 ** 30 + 1_000_003;

slowTestUnless(
  notLinux,
  "a slot that is killed while its output is sent ends the connection, and the next one is served",
  async () => {
    await using worker = await startOwnWorker();
    await using controller = await connectWith(worker, "large");
    const pid = Number(await run(controller, "pid"));
    using socket = await controllerOf(worker);
    await eventually("the slot waits until somebody reads", () => isBlocked(pid));
    process.kill(pid, "SIGKILL");
    let bytes = 0;
    socket.on("data", (chunk) => void (bytes += chunk.byteLength));
    const closed = once(socket, "close");
    socket.resume();
    await closed;
    assert(bytes < BYTES);
    assert.equal(await run(controller, "x".repeat(64)), `64 ${sumOf("x")}\n`);
  },
);

slowTestUnless(
  notLinux,
  "an output of more than 1 GiB arrives, and the next job runs",
  async () => {
    await using worker = await startOwnWorker();
    using socket = await controllerOf(worker);
    socket.write(jobMessage(4n, "make 10"));
    const responses = 1 + 0 + 2 * 12 + BYTES + 10;
    let bytes = 0;
    socket.on("data", (chunk) => void (bytes += chunk.byteLength));
    socket.resume();

    await eventually("all of it", () => bytes >= responses + 4 * HEADER_BYTES);
    assert.equal(bytes, responses + 4 * HEADER_BYTES);
  },
);

slowTestUnless(
  notLinux,
  "another core is loaded into the slot while its output waits for its controller, and the output arrives",
  async () => {
    await using worker = await startOwnWorker();
    await using controller = await connectWith(worker, "large");
    const pid = Number(await run(controller, "pid"));
    using socket = await controllerOf(worker);
    await eventually("the slot waits until somebody reads", () => isBlocked(pid));
    await using other = await connectWith(worker, "echo");
    assert.equal(await run(other, "beside it"), "beside it");
    const responses = 3 * HEADER_BYTES + 1 + 0 + 12 + BYTES;
    let bytes = 0;
    socket.on("data", (chunk) => void (bytes += chunk.byteLength));
    socket.resume();
    await eventually("all of it", () => bytes >= responses);
    assert.equal(bytes, responses);
  },
);

/** A controller that has asked for a large output, and does not read yet. */
async function controllerOf(worker: OwnWorker): Promise<Socket & Disposable> {
  const socket = await connectRaw(worker);
  socket.write(versionMessage(1n));
  socket.write(coreMessage(2n, "large", await readFile(await core("large"))));
  socket.write(jobMessage(3n, `make ${BYTES}`));
  return socket;
}

/** The core's sum of 64 bytes that are all this one. */
function sumOf(letter: string): bigint {
  const word = BigInt(letter.charCodeAt(0)) * 0x0101_0101_0101_0101n;
  return BigInt.asUintN(64, 8n * word);
}

/** Whether a process has made the output and sleeps. */
async function isBlocked(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return kib * 1024 > BYTES && /^State:\s+S/m.test(status);
}
