/** The fingerprint of a key: a short name by which people compare keys. */

import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { sha256Of } from "../system/sha256.ts";
import { type Role, ROLES } from "./role.ts";

/** 64 bits are as much as somebody compares by eye. Nothing is decided by a fingerprint. */
const HEX_DIGITS = 16;

/** What a fingerprint looks like. */
export const FINGERPRINT = new RegExp(`^[0-9a-f]{${HEX_DIGITS}}$`);

/** The fingerprint of a key with these public keys. */
export function keyFingerprintOf(publicKeys: Readonly<Record<Role, KeyObject>>): string {
  const parts = ROLES.map((role) => publicKeys[role].export({ format: "der", type: "spki" }));
  return sha256Of(Buffer.concat(parts)).slice(0, HEX_DIGITS);
}

/** For people: `3f2a-91c0-77ab-0d12`. */
export function fingerprintText(fingerprint: string): string {
  return fingerprint.match(/.{1,4}/g)?.join("-") ?? "";
}
