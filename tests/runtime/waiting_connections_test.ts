/** Connections that nobody accepts do not end the process. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { detectRuntime } from "../../runtime/detect.ts";
import { test } from "../lib/test.ts";

const runtime = await detectRuntime();

/** More than may wait to be accepted. */
const CONNECTIONS = 200;

test("of many connections that come at once some are closed, and the others can be accepted", async () => {
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const { address } = listener;
  assert(address.kind === "tcp");
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => connected(address.port)),
  );
  for (const socket of sockets) socket.destroy();
  const stream = await listener.accept();
  assert(stream);
  stream.close();
  listener.close();
});

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}); // it may be closed at once
  await once(socket, "connect");
  return socket;
}
