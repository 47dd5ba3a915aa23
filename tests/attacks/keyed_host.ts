/** Connections of who has a key: over TLS, with a certificate of a machine of its own. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { detectRuntime } from "../../runtime/detect.ts";
import { readKey } from "../../security/key_store.ts";
import { makeLeaf } from "../../security/leaf.ts";
import type { Role } from "../../security/role.ts";
import { type PeerHost, thisMachine } from "../fixtures/peers/host.ts";

const runtime = await detectRuntime();

/** Dials an address as this role. Each function that is returned is a machine of its own. */
export async function keyedDial(
  keyPath: string,
  role: Role,
): Promise<(port: number, host: string) => Promise<TLSSocket>> {
  const key = await readKey({ path: keyPath, isDefault: false });
  assert(key);
  const machine = { id: runtime.random.hex(16), name: "scripted" };
  const { certificate, privateKey } = await makeLeaf(key, role, machine, runtime);
  return async (port, host) => {
    const socket = connect({
      port,
      host,
      cert: certificate,
      key: privateKey,
      rejectUnauthorized: false, // whom it talks to is the same to it
    });
    const closed = once(socket, "close").then(() => {
      throw new Error("It was closed before the handshake was over");
    });
    await Promise.race([once(socket, "secureConnect"), closed]);
    return socket.on("error", () => {}); // scripts look at its end
  };
}

/**
 * The host of a scripted worker that has a key. It connects to `address` instead of loopback, where a process of this user
 * needs no key.
 */
export async function keyedHost(keyPath: string, address: string): Promise<PeerHost> {
  const dial = await keyedDial(keyPath, "worker");
  return { ...thisMachine, dial: (port) => dial(port, address) };
}
