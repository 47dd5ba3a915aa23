/** The certificates that a key makes, as OpenSSL sees them. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import type { Credentials } from "../../security/credentials.ts";
import { rotateKey } from "../../security/key_maker.ts";
import { ROLE_USAGES, ROLES, SERVER_NAMES } from "../../security/role.ts";
import { testUnless } from "../lib/test.ts";
import { after, at, KeyFolder, keyOf, leafOf, TODAY } from "./keys.ts";

const NO_OPENSSL = spawnSync("openssl", ["version"]).status === 0
  ? undefined
  : "there is no openssl command";

testUnless(
  NO_OPENSSL,
  "OpenSSL accepts the certificates of both roles by its strict rules, and not those of the other role",
  async () => {
    await using folder = await KeyFolder.make();
    const key = await keyOf();
    const worker = await folder.credentials(key, "worker");
    const controller = await folder.credentials(key, "controller");
    assert.equal(verified(folder, worker, controller), "OK");
    assert.equal(verified(folder, controller, worker), "OK");
    assert.match(verified(folder, worker, worker), /unable to get local issuer certificate/);
    assert.match(
      verified(folder, controller, controller),
      /unable to get local issuer certificate/,
    );
    const other = await folder.credentials(await keyOf(), "controller");
    assert.match(verified(folder, worker, other), /unable to get local issuer certificate/);
  },
);

testUnless(NO_OPENSSL, "an issuer verifies itself by OpenSSL's strict rules", async () => {
  await using folder = await KeyFolder.make();
  const { issuers } = await keyOf();
  for (const role of ROLES) {
    const self = {
      authorities: [issuers[role].certificate],
      certificate: issuers[role].certificate,
    };
    assert.equal(verified(folder, self, self), "OK");
  }
});

testUnless(
  NO_OPENSSL,
  "after a rotation the old and the new key accept each other, until the time that was said",
  async () => {
    await using folder = await KeyFolder.make();
    const old = await keyOf(after(-100));
    const key = await rotateKey(old, after(7) - TODAY, at(TODAY));
    const newest = await rotateKey(key, after(5) - after(2), at(after(2)));
    const worker = await folder.credentials(key, "worker");
    const oldController = await folder.credentials(old, "controller");
    const newestController = await folder.credentials(newest, "controller", after(2));
    const oldWorker = await folder.credentials(old, "worker");
    assert.equal(verified(folder, worker, oldController, after(6.9)), "OK");
    assert.equal(verified(folder, oldController, worker, after(6.9)), "OK");
    assert.match(verified(folder, oldController, worker, after(7.1)), /certificate has expired/);
    assert.equal(verified(folder, newestController, oldWorker, after(4.9)), "OK", "over two keys");
    assert.equal(verified(folder, oldWorker, newestController, after(4.9)), "OK", "over two keys");
    assert.match(
      verified(folder, oldWorker, newestController, after(5.1)),
      /certificate has expired/,
    );
  },
);

testUnless(
  NO_OPENSSL,
  "a certificate names the role, the machine and the key, and may sign no other",
  async () => {
    await using folder = await KeyFolder.make();
    const key = await keyOf();
    const worker = await folder.credentials(key, "worker");
    const text = printed(folder, worker);
    assert(text.includes(ROLE_USAGES.worker), text);
    assert(!text.includes(ROLE_USAGES.controller), text);
    assert(text.includes(`DNS:${SERVER_NAMES.worker}\n`), text);
    assert.match(text, /TLS Web Server Authentication, TLS Web Client Authentication/);
    assert.match(text, /X509v3 Basic Constraints: critical\n +CA:FALSE/);
    assert.match(text, /X509v3 Key Usage: critical\n +Digital Signature\n/);
    assert.match(text, new RegExp(`Issuer: O = distcomp, OU = ${key.fingerprint}, CN = workers`));
    assert.match(text, /NIST CURVE: P-256/);
    const { id, name } = worker.machineOf(leafOf(worker));
    assert(text.includes(`CN = ${name}, serialNumber = ${id}\n`), text);
  },
);

testUnless(NO_OPENSSL, "serial numbers are positive, and no two are the same", async () => {
  await using folder = await KeyFolder.make();
  const key = await keyOf();
  const seen = new Set<string>();
  for (let count = 0; count < 16; count++) {
    const text = printed(folder, await folder.credentials(key, "worker"));
    seen.add(/Serial Number:\n +([0-9a-f]{2}(?::[0-9a-f]{2}){15})\n/.exec(text)?.[1] ?? text);
  }
  assert.equal(seen.size, 16);
  for (const serialNumber of seen) {
    assert.match(serialNumber, /^[4-7]/, "not negative, nor shorter");
  }
});

testUnless(
  NO_OPENSSL,
  "a key that is valid beyond 2050 has its times in the form for that",
  async () => {
    await using folder = await KeyFolder.make();
    const nowMs = Date.UTC(2045, 0, 1);
    const key = await keyOf(nowMs);
    const worker = await folder.credentials(key, "worker", nowMs);
    const controller = await folder.credentials(key, "controller", nowMs);
    assert.equal(verified(folder, worker, controller, Date.UTC(2054, 0, 1)), "OK");
    assert.match(printed(folder, worker), /Not After : Dec 30 00:00:00 2054 GMT/);
  },
);

type Shown = Pick<Credentials, "certificate">;
type Trusting = Pick<Credentials, "authorities">;

/** What `openssl verify` says when `judge` is shown a certificate: `OK`, or why not. */
function verified(folder: KeyFolder, judge: Trusting, shown: Shown, nowMs = TODAY): string {
  const authorities = folder.at("authorities.pem");
  const chain = folder.at("chain.pem");
  writeFileSync(authorities, judge.authorities.join(""));
  writeFileSync(chain, shown.certificate);
  const seconds = String(Math.floor(nowMs / 1000));
  const { status, stdout, stderr } = openssl(
    ["verify", "-x509_strict", "-attime", seconds, "-CAfile", authorities],
    ["-untrusted", chain, chain],
  );
  return status === 0 ? stdout.replace(/^.*: (OK)\n$/, "$1") : stderr;
}

function printed(folder: KeyFolder, { certificate }: Shown): string {
  const file = folder.at("printed.pem");
  writeFileSync(file, certificate);
  return openssl(["x509", "-in", file, "-noout", "-text"]).stdout;
}

function openssl(...args: readonly (readonly string[])[]) {
  return spawnSync("openssl", args.flat(), { encoding: "utf8" });
}
