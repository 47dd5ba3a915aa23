/** The folder of a killed process is removed, and that of a running process stays. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detectRuntime } from "../../runtime/detect.ts";
import { removeAfterOwner } from "../../system/leftovers.ts";
import { test } from "../lib/test.ts";

test("the folder of a running process stays, even if the process closes each new connection", async () => {
  assert.equal(await isRemovedFrom((socket) => socket.destroy()), false);
});

test("the folder of a process that is just being killed is removed, although it accepts a connection", async () => {
  assert.equal(await isRemovedFrom((socket, close) => (close(), socket.destroy())), true);
});

/** Whether a folder is removed if its owner handles new connections in this way. */
async function isRemovedFrom(
  onConnection: (socket: Socket, close: () => void) => void,
): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "dc-owner-"));
  const server = createServer((socket) => {
    onConnection(socket.on("error", () => {}), () => server.close());
  });
  try {
    server.listen(join(folder, "bound"));
    await once(server, "listening");
    renameSync(join(folder, "bound"), join(folder, "owner")); // it stays, as that of a killed process
    await removeAfterOwner(await detectRuntime(), folder, "owner");
    return !existsSync(folder);
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
