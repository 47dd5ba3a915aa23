/** The names in our certificates: those of issuers, and those of processes. */

import type { NamedMachine } from "./machine_name.ts";
import type { Role } from "./role.ts";

/** The parts of a name. */
export interface NameFields {
  readonly organization?: string | undefined;
  /** The fingerprint of the key. */
  readonly unit?: string | undefined;
  readonly commonName?: string | undefined;
  readonly serialNumber?: string | undefined;
}

/** The types of the parts, in the order in which they stand in a name. */
export const NAME_TYPES: Readonly<Record<keyof NameFields, string>> = {
  organization: "2.5.4.10",
  unit: "2.5.4.11",
  commonName: "2.5.4.3",
  serialNumber: "2.5.4.5",
};

/** What all our names begin with. */
export const ORGANIZATION = "distcomp";

/** The name of the issuer that a key has for `role`. */
export function issuerName(role: Role, fingerprint: string): NameFields {
  return { organization: ORGANIZATION, unit: fingerprint, commonName: `${role}s` };
}

/** The name of a process. */
export function processName({ id, name }: NamedMachine, fingerprint: string): NameFields {
  return { organization: ORGANIZATION, unit: fingerprint, commonName: name, serialNumber: id };
}
