/**
 * The names under which the page may be asked for. A foreign site can give its own name the address of this machine (DNS
 * rebinding), and a browser then takes the page for one of that site. So only names count that no site can have.
 */

import type { networkInterfaces } from "node:os";
import { addressBytes } from "../runtime/network/ip_address.ts";

/** Whether a request with this `Host` is answered. `names`: those of this machine. The port may be a forwarded one. */
export function isOwnHost(host: string | undefined, names: readonly string[]): boolean {
  const [, bracketed, plain] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host ?? "") ??
      [];
  if (bracketed !== undefined) return addressBytes(bracketed)?.length === 16;
  if (plain === undefined) return false;
  const name = plain.toLowerCase();
  return addressBytes(name)?.length === 4 || name === "localhost" || names.includes(name);
}

/** The names of a machine: as it calls itself, and the first part of it. */
export function namesOfMachine(hostname: string): string[] {
  const name = hostname.toLowerCase();
  return [name, name.split(".")[0] as string, `${name}.local`];
}

/** The addresses of a machine; none if this process may not ask for them. */
export function addressesOf(interfaces: typeof networkInterfaces): string[] {
  try {
    return Object.values(interfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  } catch {
    return [];
  }
}
