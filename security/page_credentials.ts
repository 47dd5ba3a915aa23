/**
 * What a page shows to browsers, and whom it knows: those who have a certificate of the key for controllers, who may
 * command workers, and so may look at them and at runs.
 */

import { acceptedBeside, type Key } from "./key.ts";
import { noKeyError } from "./key_commands.ts";
import type { Sources } from "./key_maker.ts";
import { keyPlace } from "./key_place.ts";
import { readKey } from "./key_store.ts";
import { makeLeaf } from "./leaf.ts";
import { thisMachine } from "./machine_name.ts";
import { PeerJudge } from "./refusal.ts";
import type { Role } from "./role.ts";

/** Credentials of a page. All are PEM. */
export interface PageCredentials {
  readonly certificate: string;
  readonly privateKey: string;
  /** The issuers of the certificates of those who may look. */
  readonly authorities: readonly string[];
  /** Whether a certificate (DER) is one of theirs. `isAuthorized`: what TLS says of its chain. */
  isAccepted(
    certificate: Uint8Array | undefined,
    isAuthorized: boolean | undefined,
    nowMs: number,
  ): boolean;
}

/** Where the key is, and for which names and addresses the page's certificate is. */
export interface PageCredentialsOptions extends Sources {
  readonly path?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hosts: readonly string[];
}

/** Makes them from the key, which the process has opened before in its own role. Rejects with a `KeyError`. */
export async function openPageCredentials(
  role: Role,
  options: PageCredentialsOptions,
): Promise<PageCredentials> {
  const place = keyPlace(options.path, options.env);
  const key = await readKey(place);
  if (!key) throw noKeyError(place);
  const leaf = await makeLeaf(key, role, thisMachine(), options, options.hosts);
  const nowMs = options.clock.date();
  const judge = new PeerJudge(key, "worker", nowMs);
  return {
    ...leaf,
    authorities: issuersOf(key, nowMs),
    isAccepted: (certificate, isAuthorized, now) =>
      certificate !== undefined && judge.refusalOf(certificate, isAuthorized, now) === undefined,
  };
}

function issuersOf(key: Key, nowMs: number): string[] {
  return [key, ...acceptedBeside(key, nowMs)].map(({ issuers }) => issuers.controller.certificate);
}
