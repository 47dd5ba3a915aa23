/** A Unix socket takes large writes at once, so that both processes wake up once for each and not five times. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { detectRuntime } from "../../runtime/detect.ts";
import { LARGE_WRITE_BYTES } from "../../runtime/native/send_buffer.ts";
import { eventually } from "../lib/processes.ts";
import { testUnless } from "../lib/test.ts";

const missing = process.platform === "linux" ? undefined : "buffers of other systems are others";

/** More than the system's buffer has by default, and less than any system allows. */
const BYTES = 320 * 1024;

testUnless(
  missing,
  "a Unix socket takes a large write before its peer reads any of it",
  async () => {
    assert(BYTES > LARGE_WRITE_BYTES);
    const runtime = await detectRuntime();
    const folder = await mkdtemp(join(tmpdir(), "dc-buffer-"));
    const path = join(folder, "s");
    const server = createServer({ pauseOnConnect: true }).listen(path);
    await once(server, "listening");
    try {
      const accepted = once(server, "connection");
      const stream = await runtime.dial({ kind: "unix", path }, 5_000);
      const [peer] = await accepted as [Socket];
      let isWritten = false;
      void stream.write(new Uint8Array(BYTES)).then(() => isWritten = true, () => {});
      await eventually("it is written, although the peer never reads", () => isWritten);
      stream.close();
      peer.destroy();
    } finally {
      server.close();
      await rm(folder, { recursive: true });
    }
  },
);
