/** What a process shows to its peers, and how it judges what they show. */

import type { Sources } from "./key_maker.ts";
import type { NamedMachine } from "./machine_name.ts";
import type { Role } from "./role.ts";

/** What TLS needs to play one role. */
export interface Credentials {
  readonly role: Role;
  /** All that the key gives. */
  readonly roles: readonly Role[];
  /** The file that the key is in. */
  readonly path: string;
  /** Whether the key was made just now, because this user had none. */
  readonly isNew: boolean;
  /** The name of the key, for messages. */
  readonly fingerprint: string;
  /** PEM: the certificate of this process, and those that lead to the issuers of replaced keys. */
  readonly certificate: string;
  /** PEM (PKCS #8). */
  readonly privateKey: string;
  /** PEM: the issuers of the other role, those of replaced keys only while these are accepted. */
  readonly authorities: readonly string[];
  /**
   * The reason why a peer's certificate (DER; `undefined` if it showed none) is not accepted, as a part of a sentence
   * that is true on both sides; `undefined` if it is accepted. `isAuthorized`: what TLS says of its chain; see `TlsPeer`.
   */
  refusalOf(
    certificate: Uint8Array | undefined,
    isAuthorized: boolean | undefined,
    nowMs: number,
  ): string | undefined;
  /** The machine that an accepted certificate names. */
  machineOf(certificate: Uint8Array): NamedMachine;
  /** A sentence if the key expires soon. */
  expiryWarning(nowMs: number): string | undefined;
}

/** Where a key is looked for, and what it takes to make one. */
export interface CredentialsOptions extends Sources {
  /** What `--key` names. */
  readonly path?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}
