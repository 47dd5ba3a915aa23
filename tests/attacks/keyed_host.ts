/** The host of a scripted worker that has a key: it dials over TLS, and its certificate names a machine of its own. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:tls";
import { detectRuntime } from "../../runtime/detect.ts";
import { readKey } from "../../security/key_store.ts";
import { makeLeaf } from "../../security/leaf.ts";
import { type PeerHost, thisMachine } from "../fixtures/peers/host.ts";

const runtime = await detectRuntime();

/** Connects to `address` instead of loopback, where a process of this user needs no key. */
export async function keyedHost(keyPath: string, address: string): Promise<PeerHost> {
  const key = await readKey({ path: keyPath, isDefault: false });
  assert(key);
  const machine = { id: runtime.random.hex(16), name: "scripted" };
  const { certificate, privateKey } = await makeLeaf(key, "worker", machine, runtime);
  return {
    ...thisMachine,
    async dial(port) {
      const socket = connect({
        port,
        host: address,
        cert: certificate,
        key: privateKey,
        rejectUnauthorized: false, // whom it serves is the same to it
      });
      await once(socket, "secureConnect");
      return socket.on("error", () => {}); // scripts look at its end
    },
  };
}
