/** Makes keys: new ones, and those that replace others. */

import { KeyObject } from "node:crypto";
import type { Clock, Random } from "../runtime/clock.ts";
import { type CertificateContent, KEY_ALGORITHM, makeCertificate } from "./certificate_maker.ts";
import { issuerName } from "./certificate_name.ts";
import { DAY_MS } from "./dates.ts";
import { keyFingerprintOf } from "./fingerprint.ts";
import type { Issuer, Key, ReplacedIssuer, ReplacedKey, Validity } from "./key.ts";
import { pemOf } from "./pem.ts";
import type { Role } from "./role.ts";
import { signerOf } from "./certificate_signer.ts";

/**
 * How long a key is valid. A cluster should not stop because nobody has thought of its key, and a shorter time would
 * protect nobody: who can read the file can read its successor too.
 */
export const VALID_MS = 3650 * DAY_MS;

/** The clocks of other machines may be late by so much. */
export const BACKDATED_MS = DAY_MS;

/** More keys that are accepted at once are a mistake. */
const REPLACED_KEYS_MAX = 4;

/** As many bytes as a UUID: no issuer uses one twice. */
export const SERIAL_NUMBER_BYTES = 16;

/** The time and the randomness that a key needs. */
export interface Sources {
  readonly clock: Pick<Clock, "date">;
  readonly random: Pick<Random, "hex">;
}

/** Makes a key that gives both roles. */
export async function makeKey({ clock, random }: Sources): Promise<Key> {
  const nowMs = wholeSeconds(clock.date());
  const validity = { notBeforeMs: nowMs - BACKDATED_MS, notAfterMs: nowMs + VALID_MS };
  const pairs = { controller: await makePair(), worker: await makePair() };
  const fingerprint = keyFingerprintOf({
    controller: KeyObject.from(pairs.controller.publicKey),
    worker: KeyObject.from(pairs.worker.publicKey),
  });
  const issuerOf = async (role: Role): Promise<Issuer> => {
    const name = issuerName(role, fingerprint);
    const content = contentOf(role, fingerprint, pairs[role].publicKey, validity, random);
    const certificate = await makeCertificate(content, { name, ...pairs[role] });
    const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pairs[role].privateKey));
    return {
      certificate: pemOf("CERTIFICATE", certificate),
      privateKey: pemOf("PRIVATE KEY", pkcs8),
    };
  };
  const issuers = { controller: await issuerOf("controller"), worker: await issuerOf("worker") };
  return { fingerprint, ...validity, issuers, replaced: [] };
}

/** Makes a key that replaces `old`, which is accepted beside it for `keepMs`. It must give both roles. */
export async function rotateKey(old: Key, keepMs: number, sources: Sources): Promise<Key> {
  const key = await makeKey(sources);
  const replacedAtMs = wholeSeconds(sources.clock.date());
  const acceptedUntilMs = wholeSeconds(Math.min(replacedAtMs + keepMs, old.notAfterMs));
  if (acceptedUntilMs <= replacedAtMs) return key;
  const validity = { notBeforeMs: replacedAtMs - BACKDATED_MS, notAfterMs: acceptedUntilMs };
  const replacedIssuer = async (role: Role): Promise<ReplacedIssuer> => {
    const publicKey = (await signerOf(key, role)).publicKey;
    const content = contentOf(role, key.fingerprint, publicKey, validity, sources.random);
    const successor = await makeCertificate(content, await signerOf(old, role));
    const { certificate } = old.issuers[role];
    return { certificate, successor: pemOf("CERTIFICATE", successor) };
  };
  const issuers = {
    controller: await replacedIssuer("controller"),
    worker: await replacedIssuer("worker"),
  };
  const newest = { fingerprint: old.fingerprint, replacedAtMs, acceptedUntilMs, issuers };
  return { ...key, replaced: [newest, ...stillAccepted(old.replaced, newest)] };
}

/**
 * The older keys that stay accepted. Each vouches for the key that has replaced it, so it is accepted no longer than
 * that one: otherwise a stolen key could be used until the key before it is no longer accepted.
 */
function stillAccepted(older: readonly ReplacedKey[], newest: ReplacedKey): ReplacedKey[] {
  return older.filter(({ acceptedUntilMs }) => acceptedUntilMs > newest.replacedAtMs)
    .map((key) => ({
      ...key,
      acceptedUntilMs: Math.min(key.acceptedUntilMs, newest.acceptedUntilMs),
    }))
    .slice(0, REPLACED_KEYS_MAX - 1);
}

function contentOf(
  role: Role,
  fingerprint: string,
  publicKey: CryptoKey,
  validity: Validity,
  random: Sources["random"],
): CertificateContent {
  const serialNumber = random.hex(SERIAL_NUMBER_BYTES);
  return { subject: issuerName(role, fingerprint), publicKey, serialNumber, ...validity };
}

function makePair(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}

/** Certificates know no smaller unit. */
function wholeSeconds(ms: number): number {
  return ms - ms % 1000;
}
