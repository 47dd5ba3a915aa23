/** The certificate of a process: made when it starts, and kept in memory only. */

import { KEY_ALGORITHM, makeCertificate } from "./certificate_maker.ts";
import { processName } from "./certificate_name.ts";
import { acceptedBeside, type Key } from "./key.ts";
import { SERIAL_NUMBER_BYTES, type Sources } from "./key_maker.ts";
import type { NamedMachine } from "./machine_name.ts";
import { OIDS } from "./oids.ts";
import { pemOf } from "./pem.ts";
import { type Role, ROLE_USAGES, SERVER_NAMES } from "./role.ts";
import { signerOf } from "./certificate_signer.ts";

/** A certificate with its private key. */
export interface Leaf {
  /** PEM: the certificate, then what leads to the issuers that this key has replaced. */
  readonly certificate: string;
  /** PEM (PKCS #8). */
  readonly privateKey: string;
}

/**
 * Makes a certificate for a process of `machine`. It is valid as long as its issuer: a worker runs for months, and
 * renewing the certificate would protect nothing, as whoever can read the memory of a process can read its key file.
 * `hosts`: names and addresses under which browsers find it.
 */
export async function makeLeaf(
  key: Key,
  role: Role,
  machine: NamedMachine,
  { clock, random }: Sources,
  hosts: readonly string[] = [],
): Promise<Leaf> {
  const pair = await crypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
  const content = {
    subject: processName(machine, key.fingerprint),
    publicKey: pair.publicKey,
    serialNumber: random.hex(SERIAL_NUMBER_BYTES),
    notBeforeMs: key.notBeforeMs,
    notAfterMs: key.notAfterMs,
    leaf: {
      usages: [OIDS.serverAuth, OIDS.clientAuth, ROLE_USAGES[role]],
      hosts: [SERVER_NAMES[role], ...hosts],
    },
  };
  const der = await makeCertificate(content, await signerOf(key, role));
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const successors = acceptedBeside(key, clock.date()).map(({ issuers }) =>
    issuers[role].successor
  );
  return {
    certificate: [pemOf("CERTIFICATE", der), ...successors].join(""),
    privateKey: pemOf("PRIVATE KEY", pkcs8),
  };
}
