/** Makes X.509 certificates: what stands in them is decided elsewhere. */

import {
  BitString,
  Integer,
  OctetString,
  PrintableString,
  Sequence,
  Set as AsnSet,
  Utf8String,
} from "asn1js";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
  RelativeDistinguishedNames,
  Time,
} from "pkijs";
import { NAME_TYPES, type NameFields } from "./certificate_name.ts";
import type { Validity } from "./key.ts";
import { addressBytes } from "../runtime/network/ip_address.ts";
import { OIDS } from "./oids.ts";

/** All keys are of this kind: TLS libraries and browsers know it, and it is fast. */
export const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;

/** A key identifier has 160 bits (RFC 7093, method 1). */
const KEY_ID_BYTES = 20;

/** From this year on, a time is written in another form (RFC 5280). */
const GENERALIZED_TIME_YEAR = 2050;

/** Bits of the key usage, from the highest on. */
const DIGITAL_SIGNATURE = 0x80;
const CERT_SIGN = 0x04;
const CRL_SIGN = 0x02;

/** GeneralName: a DNS name, or an IP address. */
const DNS_NAME = 2;
const IP_ADDRESS = 7;

/** What a certificate says. */
export interface CertificateContent extends Validity {
  readonly subject: NameFields;
  readonly publicKey: CryptoKey;
  /** 16 random bytes as hexadecimal digits. */
  readonly serialNumber: string;
  /** Of a process: what it may be used for, and the names and addresses where it is found. Missing for an issuer. */
  readonly leaf?: { readonly usages: readonly string[]; readonly hosts: readonly string[] };
}

/** Who signs a certificate. */
export interface CertificateSigner {
  readonly name: NameFields;
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

/** Makes and signs a certificate. Resolves to its DER. */
export async function makeCertificate(
  content: CertificateContent,
  signer: CertificateSigner,
): Promise<Uint8Array<ArrayBuffer>> {
  const certificate = new Certificate();
  certificate.version = 2; // which is version 3
  certificate.serialNumber = serialNumberOf(content.serialNumber);
  certificate.subject = nameOf(content.subject);
  certificate.issuer = nameOf(signer.name);
  certificate.notBefore = timeOf(content.notBeforeMs);
  certificate.notAfter = timeOf(content.notAfterMs);
  await certificate.subjectPublicKeyInfo.importKey(content.publicKey);
  certificate.extensions = [
    ...usageExtensions(content.leaf),
    extension(OIDS.subjectKeyId, false, keyIdString(await keyIdOf(content.publicKey))),
    extension(
      OIDS.authorityKeyId,
      false,
      new AuthorityKeyIdentifier({ keyIdentifier: keyIdString(await keyIdOf(signer.publicKey)) })
        .toSchema(),
    ),
  ];
  await certificate.sign(signer.privateKey, "SHA-256");
  return new Uint8Array(certificate.toSchema(true).toBER());
}

/** The identifier of a public key in certificates. */
async function keyIdOf(publicKey: CryptoKey): Promise<Uint8Array<ArrayBuffer>> {
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
  return new Uint8Array(createHash("sha256").update(point).digest()).slice(0, KEY_ID_BYTES);
}

function usageExtensions(leaf: CertificateContent["leaf"]): Extension[] {
  if (!leaf) {
    return [
      extension(OIDS.basicConstraints, true, new BasicConstraints({ cA: true }).toSchema()),
      extension(OIDS.keyUsage, true, bits(CERT_SIGN | CRL_SIGN, 1)),
    ];
  }
  const names = leaf.hosts.map(hostName);
  return [
    extension(OIDS.basicConstraints, true, new BasicConstraints().toSchema()),
    extension(OIDS.keyUsage, true, bits(DIGITAL_SIGNATURE, 7)),
    extension(
      OIDS.extKeyUsage,
      false,
      new ExtKeyUsage({ keyPurposes: [...leaf.usages] }).toSchema(),
    ),
    extension(OIDS.subjectAltName, false, new GeneralNames({ names }).toSchema()),
  ];
}

function hostName(host: string): GeneralName {
  const bytes = addressBytes(host);
  if (!bytes) return new GeneralName({ type: DNS_NAME, value: host });
  return new GeneralName({ type: IP_ADDRESS, value: new OctetString({ valueHex: bytes.buffer }) });
}

function extension(extnID: string, critical: boolean, value: { toBER(): ArrayBuffer }): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER() });
}

function bits(byte: number, unusedBits: number): BitString {
  return new BitString({ valueHex: Uint8Array.of(byte).buffer, unusedBits });
}

function keyIdString(keyId: Uint8Array<ArrayBuffer>): OctetString {
  return new OctetString({ valueHex: keyId.buffer });
}

/** The library itself would put all parts into one, which is allowed but not usual. */
function nameOf(fields: NameFields): RelativeDistinguishedNames {
  const parts = Object.entries(NAME_TYPES).flatMap(([field, type]) => {
    const value = fields[field as keyof NameFields];
    if (value === undefined) return [];
    const text = field === "serialNumber"
      ? new PrintableString({ value })
      : new Utf8String({ value });
    return new AsnSet({ value: [new AttributeTypeAndValue({ type, value: text }).toSchema()] });
  });
  return RelativeDistinguishedNames.fromBER(new Sequence({ value: parts }).toBER());
}

/** A serial number is positive, and no longer than 20 bytes. */
function serialNumberOf(hex: string): Integer {
  const bytes = new Uint8Array(Buffer.from(hex, "hex"));
  bytes[0] = (bytes[0] as number) & 0x7f | 0x40;
  return new Integer({ valueHex: bytes.buffer });
}

function timeOf(ms: number): Time {
  const value = new Date(ms - ms % 1000);
  return new Time({ type: value.getUTCFullYear() < GENERALIZED_TIME_YEAR ? 0 : 1, value });
}
