/** How a certificate names the machine that it was made on. */

import { sha256Of } from "../system/sha256.ts";
import { machineId, systemId } from "../system/machine.ts";

/** Who a certificate names. */
export interface NamedMachine {
  /** The same for all processes of a machine, and for no other machine. */
  readonly id: string;
  /** Its host name. */
  readonly name: string;
}

/** 128 bits: no two machines have the same by chance. */
const ID_HEX_DIGITS = 32;

/** What an id looks like. */
export const MACHINE_ID = new RegExp(`^[0-9a-f]{${ID_HEX_DIGITS}}$`);

/** The longest name that X.509 allows. Linux allows no longer host name either. */
const MACHINE_NAME_CHARS_MAX = 64;

/**
 * This machine. Copies of a virtual machine often have the same `/etc/machine-id`, and containers none, so the host
 * name counts as well. The id of the system itself is meant to stay secret, so only its hash is shown.
 */
export function thisMachine(): NamedMachine {
  const { name } = machineId();
  const text = JSON.stringify(["distcomp machine", name, systemId()]);
  const id = sha256Of(new TextEncoder().encode(text)).slice(0, ID_HEX_DIGITS);
  return { id, name: name.slice(0, MACHINE_NAME_CHARS_MAX) || "localhost" };
}
