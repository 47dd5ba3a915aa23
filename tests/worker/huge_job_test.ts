/** How much memory a worker takes for one huge job. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import process from "node:process";
import { sharedBytesOf } from "../attacks/attackers.ts";
import { jobResult } from "../fixtures/peers/controller_v1.ts";
import { startWorker } from "../lib/processes.ts";
import { slowTestUnless } from "../lib/test.ts";
import { connectWith } from "./controllers.ts";

const PAYLOAD_BYTES = 512 * 1024 * 1024;
const notLinux = process.platform === "linux" ? undefined : "only Linux has memory to share";

slowTestUnless(
  notLinux,
  "a huge input and its output are in memory once each, and nowhere else in the worker",
  async () => {
    await using worker = await startWorker({ slots: 1 });
    await using controller = await connectWith(worker, "echo");
    const input = new Uint8Array(PAYLOAD_BYTES).fill(7);
    const before = privateBytes(worker.pid);
    let [shared, own] = [0, 0];
    const sampling = setInterval(() => {
      shared = Math.max(shared, sharedBytesOf(worker.pid));
      own = Math.max(own, privateBytes(worker.pid) - before);
    }, 20);
    try {
      const { output } = jobResult(await controller.sendJob(0n, input));
      assert(Buffer.compare(output, input) === 0);
    } finally {
      clearInterval(sampling);
    }
    assert(shared >= PAYLOAD_BYTES, `${shared} bytes`);
    assert(shared <= 2.05 * PAYLOAD_BYTES, `${shared} bytes are shared`);
    assert(own <= 0.25 * PAYLOAD_BYTES, `${own} bytes are the worker's own`);
  },
);

/** The memory of a process, without what it shares. */
function privateBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (name: string) =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status)?.[1]);
  return 1024 * (kib("VmRSS") - kib("RssShmem"));
}
