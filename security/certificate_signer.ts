/** The issuers of a key, ready to sign. */

import { type CertificateSigner, KEY_ALGORITHM } from "./certificate_maker.ts";
import { issuerName } from "./certificate_name.ts";
import { readPemCertificate } from "./certificate_reader.ts";
import type { Key } from "./key.ts";
import { derOf } from "./pem.ts";
import type { Role } from "./role.ts";

/** The issuer of `key` for `role`. The key must give this role. */
export async function signerOf(key: Key, role: Role): Promise<CertificateSigner> {
  const { certificate, privateKey = "" } = key.issuers[role];
  const publicKey = readPemCertificate(certificate)?.publicKey;
  const pkcs8 = derOf("PRIVATE KEY", privateKey);
  if (!publicKey || !pkcs8) throw new Error(`A key that cannot sign for a ${role} was told to`);
  const spki = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
  return {
    name: issuerName(role, key.fingerprint),
    publicKey: await crypto.subtle.importKey("spki", spki, KEY_ALGORITHM, true, ["verify"]),
    privateKey: await crypto.subtle.importKey("pkcs8", pkcs8, KEY_ALGORITHM, false, ["sign"]),
  };
}
