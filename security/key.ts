/** A key: two issuers of certificates, one for controllers and one for workers. */

import { type Role, ROLES } from "./role.ts";

/** From when until when something is valid. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What signs the certificates of one role. */
export interface Issuer {
  /** PEM. */
  readonly certificate: string;
  /** PEM (PKCS #8). Missing in a key that does not give this role. */
  readonly privateKey?: string | undefined;
}

/** An issuer of a key that has been replaced. It can sign nothing more. */
export interface ReplacedIssuer {
  /** PEM. */
  readonly certificate: string;
  /**
   * PEM: the issuer that came after it, signed by this one and valid as long as this one is accepted. With it, who
   * knows only the replaced key accepts certificates of the successor.
   */
  readonly successor: string;
}

/** A key that another one has replaced. */
export interface ReplacedKey {
  readonly fingerprint: string;
  readonly replacedAtMs: number;
  /** Until when it is accepted beside its successor. */
  readonly acceptedUntilMs: number;
  readonly issuers: Readonly<Record<Role, ReplacedIssuer>>;
}

/** The content of a key file. */
export interface Key extends Validity {
  /** Names the key: 16 hexadecimal digits of the hash of its two public keys. */
  readonly fingerprint: string;
  readonly issuers: Readonly<Record<Role, Issuer>>;
  /** The newest first. */
  readonly replaced: readonly ReplacedKey[];
}

/** The roles that a key gives. */
export function rolesOf(key: Key): Role[] {
  return ROLES.filter((role) => key.issuers[role].privateKey !== undefined);
}

/** The part of a key that gives only `role`. */
export function keyForRole(key: Key, role: Role): Key {
  const part = (one: Role): Issuer =>
    one === role ? key.issuers[one] : { certificate: key.issuers[one].certificate };
  return { ...key, issuers: { controller: part("controller"), worker: part("worker") } };
}

/** The keys that are accepted beside `key`. */
export function acceptedBeside(key: Key, nowMs: number): ReplacedKey[] {
  return key.replaced.filter(({ acceptedUntilMs }) => nowMs < acceptedUntilMs);
}
