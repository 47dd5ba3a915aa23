/** Reads certificates, those of strangers too. */

import { fromBER, type OctetString } from "asn1js";
import { Buffer } from "node:buffer";
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import {
  AuthorityKeyIdentifier,
  Certificate,
  ExtKeyUsage,
  type RelativeDistinguishedNames,
} from "pkijs";
import { NAME_TYPES, type NameFields } from "./certificate_name.ts";
import type { Validity } from "./key.ts";
import { OIDS } from "./oids.ts";
import { derOf } from "./pem.ts";

/** Ours have less than 1 KB. A larger one is not read, because it would take long. */
const CERTIFICATE_BYTES_MAX = 16 * 1024;

/** The longest text of a name that is read. */
const NAME_CHARS_MAX = 64;

/** What a certificate says. Nothing of it is proven. */
export interface ReadCertificate extends Validity {
  readonly subject: NameFields;
  readonly issuer: NameFields;
  /** The identifiers of its own key and of its issuer's, hexadecimal; empty if it has none. */
  readonly keyId: string;
  readonly authorityKeyId: string;
  readonly usages: readonly string[];
  readonly publicKey: KeyObject;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/** Reads a certificate in PEM. `undefined` if it is none. */
export function readPemCertificate(pem: string): ReadCertificate | undefined {
  const der = derOf("CERTIFICATE", pem);
  return der && readCertificate(der);
}

/**
 * What was read, by the array that it was read from: each question about a peer would take a millisecond or more again.
 */
const READ = new WeakMap<Uint8Array, ReadCertificate | undefined>();

/** Reads the DER of a certificate. `undefined` if it is none, or has a key of another kind than ours. */
export function readCertificate(der: Uint8Array): ReadCertificate | undefined {
  if (!READ.has(der)) READ.set(der, read(der));
  return READ.get(der);
}

function read(der: Uint8Array): ReadCertificate | undefined {
  if (der.byteLength > CERTIFICATE_BYTES_MAX) return undefined;
  try {
    return factsOf(Certificate.fromBER(new Uint8Array(der)));
  } catch {
    return undefined; // whatever a stranger has written there
  }
}

/** Whether the key of `issuer` has signed `certificate`. Says nothing about dates and usages. */
export function isSignedBy(certificate: ReadCertificate, issuer: ReadCertificate): boolean {
  if (certificate.authorityKeyId !== issuer.keyId) return false;
  try {
    return verify("sha256", certificate.signed, issuer.publicKey, certificate.signature);
  } catch {
    return false; // keys and signatures of peers can be anything
  }
}

function factsOf(certificate: Certificate): ReadCertificate {
  const extension = (id: string) =>
    certificate.extensions?.find(({ extnID }) => extnID === id)?.extnValue.getValue();
  const keyId = extension(OIDS.subjectKeyId);
  const authority = extension(OIDS.authorityKeyId);
  const usages = extension(OIDS.extKeyUsage);
  const spki = certificate.subjectPublicKeyInfo.toSchema().toBER();
  return {
    subject: nameFieldsOf(certificate.subject),
    issuer: nameFieldsOf(certificate.issuer),
    notBeforeMs: certificate.notBefore.value.getTime(),
    notAfterMs: certificate.notAfter.value.getTime(),
    keyId: keyId ? hexOf(fromBER(keyId).result as OctetString) : "",
    authorityKeyId: authority ? hexOf(AuthorityKeyIdentifier.fromBER(authority).keyIdentifier) : "",
    usages: usages ? ExtKeyUsage.fromBER(usages).keyPurposes : [],
    publicKey: createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" }),
    signed: certificate.tbsView,
    signature: certificate.signatureValue.valueBlock.valueHexView,
  };
}

function nameFieldsOf({ typesAndValues }: RelativeDistinguishedNames): NameFields {
  const fields = Object.entries(NAME_TYPES).map(([field, type]) => {
    const text = typesAndValues.find((part) => part.type === type)?.value.valueBlock.value;
    return [field, typeof text === "string" ? text.slice(0, NAME_CHARS_MAX) : undefined];
  });
  return Object.fromEntries(fields);
}

function hexOf(octets: OctetString | undefined): string {
  return octets ? Buffer.from(octets.valueBlock.valueHexView).toString("hex") : "";
}
