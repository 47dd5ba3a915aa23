/** The TLS of this runtime accepts what a key makes, and nothing else. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import type { Credentials } from "../../security/credentials.ts";
import { keyForRole } from "../../security/key.ts";
import { rotateKey } from "../../security/key_maker.ts";
import { SERVER_NAMES } from "../../security/role.ts";
import { systemClock, systemRandom } from "../../runtime/clock.ts";
import { DAY_MS } from "../../security/dates.ts";
import { test } from "../lib/test.ts";
import { KeyFolder, keyOf } from "./keys.ts";

const NOW = { clock: systemClock, random: systemRandom };

test("TLS accepts both sides of one key, also of its parts, before and after a rotation", async () => {
  await using folder = await KeyFolder.make();
  const nowMs = systemClock.date();
  const old = await keyOf(nowMs);
  const key = await rotateKey(old, 7 * DAY_MS, NOW);
  const pairs = [[old, old], [key, key], [key, old], [old, key]] as const;
  for (const [ofWorker, ofController] of pairs) {
    const worker = await folder.credentials(keyForRole(ofWorker, "worker"), "worker", nowMs);
    const controller = await folder.credentials(ofController, "controller", nowMs);
    assert.deepEqual(await handshake(worker, controller), { worker: true, controller: true });
    assert.deepEqual(await handshake(controller, worker), { worker: true, controller: true });
  }
});

test("TLS accepts neither another key nor the wrong role, and both sides can say why", async () => {
  await using folder = await KeyFolder.make();
  const nowMs = systemClock.date();
  const key = await keyOf(nowMs);
  const worker = await folder.credentials(key, "worker", nowMs);
  const other = await folder.credentials(await keyOf(nowMs), "controller", nowMs);
  const foreign = await handshake(worker, other);
  assert.match(
    foreign.worker as string,
    /^the controller has the key .*: both need the same; copy .* again$/,
  );
  assert.match(
    foreign.controller as string,
    /^the worker has the key .*: both need the same; copy .* again$/,
  );
  const twin = await folder.credentials(key, "worker", nowMs);
  assert.equal(
    (await handshake(worker, twin, "worker")).worker,
    "the controller has a worker's key, which cannot command workers",
  );
});

/** What each side says of the other: `true`, or why it refuses it. */
type Verdicts = Record<string, true | string>;

/** Connects `client` to `server`. */
async function handshake(
  server: Credentials,
  client: Credentials,
  expects: Credentials["role"] = server.role,
): Promise<Verdicts> {
  const verdicts: Verdicts = {};
  const judge = (self: Credentials, socket: tls.TLSSocket) => {
    const { raw } = socket.getPeerCertificate(true);
    const leaf = raw && new Uint8Array(raw);
    const name = verdicts[self.role] === undefined ? self.role : "twin";
    verdicts[name] = self.refusalOf(leaf, socket.authorized, systemClock.date()) ?? true;
  };
  const common = { requestCert: true, rejectUnauthorized: false, minVersion: "TLSv1.3" } as const;
  const listener = tls.createServer({ ...common, ...optionsOf(server) }, (socket) => {
    judge(server, socket);
    socket.end("x");
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const place = { host: "127.0.0.1", port, servername: SERVER_NAMES[expects] };
  const socket = tls.connect({ ...common, ...optionsOf(client), ...place });
  await once(socket, "secureConnect");
  judge(client, socket);
  socket.resume();
  await once(socket, "close");
  listener.close();
  return verdicts;
}

function optionsOf({ certificate, privateKey, authorities }: Credentials) {
  return { cert: certificate, key: privateKey, ca: [...authorities] };
}
