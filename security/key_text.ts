/** The text of a key file: JSON with PEM in it. */

import { createPrivateKey, createPublicKey } from "node:crypto";
import { type ReadCertificate, readPemCertificate } from "./certificate_reader.ts";
import { keyFingerprintOf } from "./fingerprint.ts";
import { type Issuer, type Key, type ReplacedIssuer, type ReplacedKey, rolesOf } from "./key.ts";
import { derOf } from "./pem.ts";
import type { Role } from "./role.ts";

/** The version of the format that is written, and the newest that is read. */
const VERSION = 1;

/** What somebody reads who opens the file. */
const ABOUT =
  "A key of distcomp. Anyone who can read it can run programs on your workers, or see your jobs: " +
  "keep it private, with mode 600. distcomp key show tells more.";

/** A text that is not a key, or one of a newer version. */
export class KeyTextError extends Error {
  override name = "KeyTextError";
}

/** The text of a key. */
export function textOfKey(key: Key): string {
  const { fingerprint, issuers, replaced } = key;
  const text = {
    about: ABOUT,
    distcompKey: VERSION,
    fingerprint,
    roles: rolesOf(key),
    ...issuers,
    replaced: replaced.map(({ issuers, replacedAtMs, acceptedUntilMs, fingerprint }) => ({
      fingerprint,
      replacedAt: new Date(replacedAtMs).toISOString(),
      acceptedUntil: new Date(acceptedUntilMs).toISOString(),
      ...issuers,
    })),
  };
  return `${JSON.stringify(text, null, 2)}\n`;
}

/** The key in a text. Throws a `KeyTextError` that says what is wrong, as a clause. */
export function keyOfText(text: string): Key {
  const { distcompKey: version, controller, worker, fingerprint, replaced } = fieldsIn(text);
  if (version !== VERSION) {
    throw new KeyTextError(`it has the format ${version}; use a newer distcomp`);
  }
  const issuers = { controller: issuerIn(controller), worker: issuerIn(worker) };
  if (!Array.isArray(replaced)) throw damaged("the list of replaced keys is missing");
  const { notBeforeMs, notAfterMs } = certificateOf(issuers.worker.certificate);
  return {
    fingerprint: checkedFingerprint(fingerprint, issuers),
    notBeforeMs,
    notAfterMs,
    issuers,
    replaced: replaced.map(replacedIn),
  };
}

function fieldsIn(text: string): Readonly<Record<string, unknown>> {
  if (!text.includes('"distcompKey"')) throw new KeyTextError("it is not a key of distcomp");
  try {
    return objectIn(JSON.parse(text));
  } catch {
    throw damaged("it is not complete");
  }
}

function issuerIn(value: unknown): Issuer {
  const { certificate, privateKey } = objectIn(value);
  const { publicKey } = certificateOf(certificate);
  if (privateKey === undefined) return { certificate: certificate as string };
  const own = createPublicKey(privateKeyOf(privateKey)).export({ format: "der", type: "spki" });
  if (!own.equals(publicKey.export({ format: "der", type: "spki" }))) {
    throw damaged("a private key does not belong to its certificate");
  }
  return { certificate: certificate as string, privateKey: privateKey as string };
}

function privateKeyOf(value: unknown) {
  if (typeof value === "string" && derOf("PRIVATE KEY", value)) {
    try {
      return createPrivateKey(value);
    } catch {
      // Not a private key of a kind that is known here.
    }
  }
  throw damaged("a private key cannot be read");
}

function replacedIn(value: unknown): ReplacedKey {
  const fields = objectIn(value);
  const issuers = {
    controller: replacedIssuerIn(fields["controller"]),
    worker: replacedIssuerIn(fields["worker"]),
  };
  return {
    fingerprint: checkedFingerprint(fields["fingerprint"], issuers),
    replacedAtMs: timeIn(fields["replacedAt"]),
    acceptedUntilMs: timeIn(fields["acceptedUntil"]),
    issuers,
  };
}

function replacedIssuerIn(value: unknown): ReplacedIssuer {
  const { certificate, successor } = objectIn(value);
  certificateOf(certificate);
  certificateOf(successor);
  return { certificate: certificate as string, successor: successor as string };
}

/** The fingerprint, if it is that of the issuers. */
function checkedFingerprint(
  value: unknown,
  issuers: Readonly<Record<Role, { readonly certificate: string }>>,
): string {
  const fingerprint = keyFingerprintOf({
    controller: certificateOf(issuers.controller.certificate).publicKey,
    worker: certificateOf(issuers.worker.certificate).publicKey,
  });
  if (value !== fingerprint) throw damaged("its fingerprint is not that of its certificates");
  return fingerprint;
}

function certificateOf(pem: unknown): ReadCertificate {
  const certificate = typeof pem === "string" ? readPemCertificate(pem) : undefined;
  if (!certificate) throw damaged("a certificate cannot be read");
  return certificate;
}

function timeIn(value: unknown): number {
  const ms = typeof value === "string" ? Date.parse(value) : NaN;
  if (Number.isNaN(ms)) throw damaged("a time cannot be read");
  return ms;
}

function objectIn(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw damaged("a part of it is missing");
}

function damaged(why: string): KeyTextError {
  return new KeyTextError(`it is damaged: ${why}; copy it again`);
}
