/** Why a peer's certificate is refused: one sentence that says which of many reasons it is. */

import assert from "node:assert/strict";
import { BACKDATED_MS, rotateKey, VALID_MS } from "../../security/key_maker.ts";
import {
  type CertificateContent,
  KEY_ALGORITHM,
  makeCertificate,
} from "../../security/certificate_maker.ts";
import { issuerName, processName } from "../../security/certificate_name.ts";
import { DAY_MS } from "../../security/dates.ts";
import { fingerprintText } from "../../security/fingerprint.ts";
import type { Key } from "../../security/key.ts";
import { thisMachine } from "../../security/machine_name.ts";
import { OIDS } from "../../security/oids.ts";
import { otherRole, type Role, ROLE_USAGES, ROLES } from "../../security/role.ts";
import { signerOf } from "../../security/certificate_signer.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";
import { after, at, KeyFolder, keyOf, leafOf, TODAY } from "./keys.ts";

test("a peer of the other role with the same key is accepted, and nobody whom TLS refuses", async () => {
  await using folder = await KeyFolder.make();
  const key = await keyOf();
  for (const role of ROLES) {
    const self = await folder.credentials(key, role);
    const peer = leafOf(await folder.credentials(key, otherRole(role)));
    assert.equal(self.refusalOf(peer, true, TODAY), undefined);
    assert.equal(
      self.refusalOf(peer, false, TODAY),
      `TLS does not accept the ${otherRole(role)}'s certificate, though its key is right`,
    );
  }
});

test("where TLS has not looked, only what an issuer of the own key has signed is accepted", async () => {
  await using folder = await KeyFolder.make();
  const key = await keyOf();
  const worker = await folder.credentials(key, "worker");
  const refusalOf = async (other: Key, role: Role = "controller", nowMs = TODAY) =>
    worker.refusalOf(leafOf(await folder.credentials(other, role)), undefined, nowMs);
  assert.equal(await refusalOf(key), undefined);
  assert.match(await refusalOf(await keyOf()) ?? "", /^the controller has the key /);
  assert.match(await refusalOf(key, "worker") ?? "", /^the controller has a worker's key/);
  assert.match(await refusalOf(key, "controller", TODAY + VALID_MS + 1) ?? "", / expired on /);
  // It is accepted for a certificate behind it, which nobody has looked at here.
  const successor = await rotateKey(key, 7 * DAY_MS, at(TODAY));
  assert.match(await refusalOf(successor) ?? "", /^the controller has the key /);
});

test("no certificate, and one that cannot be read, are told apart", async () => {
  await using folder = await KeyFolder.make();
  const key = await keyOf();
  const worker = await folder.credentials(key, "worker");
  const leaf = leafOf(await folder.credentials(key, "controller"));
  assert.equal(worker.refusalOf(undefined, false, TODAY), "the controller has shown no key");
  const unreadable = [new Uint8Array(0), leaf.slice(0, -1), new Uint8Array(20_000), leaf.slice(4)];
  for (const bytes of unreadable) {
    assert.equal(
      worker.refusalOf(bytes, true, TODAY),
      "the controller has shown a certificate that cannot be read",
    );
  }
});

test("another key is named beside the own one", async () => {
  await using folder = await KeyFolder.make();
  const [one, other] = [await keyOf(), await keyOf()];
  const worker = await folder.credentials(one, "worker");
  const controller = await folder.credentials(other, "controller");
  assert.equal(
    worker.refusalOf(leafOf(controller), false, TODAY),
    `the controller has the key ${controller.fingerprint}, but the worker has ` +
      `${worker.fingerprint}: both need the same; copy the controller's key file, which ` +
      "--key or else distcomp key show names, to the worker's machine, and start the worker again",
  );
  assert.match(worker.fingerprint, /^[0-9a-f]{4}(-[0-9a-f]{4}){3}$/);
});

test("a key of the wrong role is refused, whatever TLS says", async () => {
  await using folder = await KeyFolder.make();
  const key = await keyOf();
  const worker = await folder.credentials(key, "worker");
  const controller = await folder.credentials(key, "controller");
  for (const isAuthorized of [true, false]) {
    assert.equal(
      worker.refusalOf(leafOf(worker), isAuthorized, TODAY),
      "the controller has a worker's key, which cannot command workers",
    );
    assert.equal(
      controller.refusalOf(leafOf(controller), isAuthorized, TODAY),
      "the worker has a controller's key, which cannot pose as a worker",
    );
  }
});

test("an expired key and a wrong clock are told apart, with both dates", async () => {
  await using folder = await KeyFolder.make();
  const key = await keyOf();
  const worker = await folder.credentials(key, "worker");
  const controller = leafOf(await folder.credentials(key, "controller"));
  const name = `the controller's key ${worker.fingerprint}`;
  assert.equal(
    worker.refusalOf(controller, false, Date.UTC(2040, 0, 2, 3, 4)),
    `${name} expired on 2037-05-03, and the worker's clock says 2040-01-02 03:04 UTC`,
  );
  assert.equal(
    worker.refusalOf(controller, false, Date.UTC(1970, 0, 1)),
    `${name} is valid from 2027-05-05 on, but the worker's clock says 1970-01-01 00:00 UTC: ` +
      "one of the two clocks is wrong",
  );
  assert.equal(worker.refusalOf(controller, true, TODAY - BACKDATED_MS), undefined);
  assert.equal(worker.refusalOf(controller, true, TODAY + VALID_MS - DAY_MS), undefined);
});

test("the old key is accepted until the time that was said, also by a process that runs on", async () => {
  await using folder = await KeyFolder.make();
  const old = await keyOf(after(-100));
  const key = await rotateKey(old, 7 * DAY_MS, at(TODAY));
  const worker = await folder.credentials(key, "worker");
  const controller = leafOf(await folder.credentials(old, "controller"));
  assert.equal(worker.authorities.length, 2);
  assert.equal(worker.refusalOf(controller, true, after(6.9)), undefined);
  assert.equal(
    worker.refusalOf(controller, true, after(7.1)),
    `the controller has the old key ${fingerprintText(old.fingerprint)}, which was accepted ` +
      `until 2027-05-13 07:08 UTC and is replaced by ${worker.fingerprint}: copy the new key ` +
      "there, and start it again",
  );
  const later = await folder.credentials(key, "worker", after(7.1));
  assert.equal(later.authorities.length, 1);
  assert.match(
    later.certificate,
    /^(-----[^-]*-----[^-]*-----[^-]*-----\n)$/,
    "nothing leads to it",
  );
});

test("who has only the old key accepts the new one, if TLS does", async () => {
  await using folder = await KeyFolder.make();
  const old = await keyOf(after(-100));
  const worker = await folder.credentials(old, "worker");
  const key = await rotateKey(old, 7 * DAY_MS, at(TODAY));
  const controller = leafOf(await folder.credentials(key, "controller"));
  assert.equal(worker.refusalOf(controller, true, TODAY), undefined);
  assert.match(
    worker.refusalOf(controller, false, TODAY) as string,
    /^the controller has the key .*, but the worker has .*: both need the same; copy /,
  );
});

test("a stolen old key helps nobody after its time, whatever names its certificates have", async () => {
  await using folder = await KeyFolder.make();
  const stolen = await keyOf(after(-100));
  const key = await rotateKey(stolen, 7 * DAY_MS, at(TODAY));
  const worker = await folder.credentials(key, "worker");
  // The process still tells TLS to accept the old issuer, and so TLS accepts what that has signed.
  for (const issuedAs of [key, await keyOf()]) {
    const forged = await signedByAnother(issuedAs);
    assert.equal(worker.refusalOf(forged, true, after(6.9)), undefined);
    assert.match(worker.refusalOf(forged, true, after(7.1)) as string, /^the controller('s| has)/);
  }
});

test("a certificate that names a key that has not signed it is refused with this reason", async () => {
  await using folder = await KeyFolder.make();
  const key = await keyOf();
  const worker = await folder.credentials(key, "worker");
  assert.equal(
    worker.refusalOf(await signedByAnother(key), false, TODAY),
    `the controller's certificate names the key ${worker.fingerprint}, which has not signed it`,
  );
});

test("a certificate of the right issuer needs the role and the machine in it", async () => {
  await using folder = await KeyFolder.make();
  const key = await keyOf();
  const worker = await folder.credentials(key, "worker");
  const signed = async (content: Partial<CertificateContent>) =>
    await makeCertificate(
      { ...await contentOf(key), ...content },
      await signerOf(key, "controller"),
    );
  assert.equal(worker.refusalOf(await signed({}), true, TODAY), undefined);
  assert.equal(
    worker.refusalOf(await signed({ leaf: leafFor("worker") }), true, TODAY),
    "the controller's certificate is not one for a controller",
  );
  const nameless = processName({ id: "x", name: "host" }, key.fingerprint);
  assert.equal(
    worker.refusalOf(await signed({ subject: nameless }), true, TODAY),
    "the controller's certificate does not name its machine",
  );
});

test("whatever bytes a peer shows that TLS refuses, there is a printable reason", async () => {
  await using folder = await KeyFolder.make();
  const key = await rotateKey(await keyOf(after(-100)), 7 * DAY_MS, at(TODAY));
  const worker = await folder.credentials(key, "worker");
  const leaf = leafOf(await folder.credentials(key, "controller"));
  const change = fc.record({ at: fc.nat(leaf.byteLength - 1), byte: fc.nat(255) });
  const changes = fc.array(change, { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(changes, fc.nat(leaf.byteLength), (changes, cut) => {
    const bytes = Uint8Array.from(leaf);
    for (const { at, byte } of changes) bytes[at] = byte;
    for (const shown of [bytes, bytes.subarray(0, cut), bytes.subarray(cut)]) {
      assert.match(
        worker.refusalOf(shown, false, TODAY) ?? "accepted",
        /^(the controller|TLS )[ -~]+$/,
      );
    }
  }));
});

test("a certificate of another program is refused as such", async () => {
  await using folder = await KeyFolder.make();
  const worker = await folder.credentials(await keyOf(), "worker");
  const pair = await makePair();
  const name = { organization: "another", unit: "\u001b[2J", commonName: "x" };
  const content = { ...await contentOf(await keyOf()), publicKey: pair.publicKey };
  assert.equal(
    worker.refusalOf(await makeCertificate(content, { name, ...pair }), false, TODAY),
    "the controller has shown a certificate that no key of distcomp has made",
  );
});

/**
 * A controller's certificate that claims to be signed by `issuedAs`, and is signed by somebody else: for TLS, by an
 * issuer below the stolen key.
 */
async function signedByAnother(issuedAs: Key): Promise<Uint8Array> {
  const real = await signerOf(issuedAs, "controller");
  const { privateKey } = await makePair();
  // Its key identifier is the one of `issuedAs` too: that is taken from the public key.
  return await makeCertificate(await contentOf(issuedAs), {
    name: issuerName("controller", issuedAs.fingerprint),
    publicKey: real.publicKey,
    privateKey,
  });
}

async function contentOf(key: Key): Promise<CertificateContent> {
  return {
    subject: processName(thisMachine(), key.fingerprint),
    publicKey: (await makePair()).publicKey,
    serialNumber: "00".repeat(16),
    notBeforeMs: key.notBeforeMs,
    notAfterMs: key.notAfterMs,
    leaf: leafFor("controller"),
  };
}

function leafFor(role: Role): NonNullable<CertificateContent["leaf"]> {
  return { usages: [OIDS.serverAuth, OIDS.clientAuth, ROLE_USAGES[role]], hosts: ["x"] };
}

function makePair(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}
