/**
 * Whom an address counts for where something is shared out among hosts: who has one IPv6 address usually has a network of
 * them, and every user of a machine has all of its loopback addresses.
 */

import { addressBytes } from "./ip_address.ts";
import { loopbackBytes, MAPPED_PREFIX } from "./loopback_address.ts";

const IPV6_BYTES = 16;

/** Where an IPv6 address says which network it is in. */
const NETWORK_AT = [0, 2, 4, 6];

/** A host, as addresses have it; of an IPv6 address, its network. Any other text is its own. */
export function networkOf(host: string): string {
  const address = host.replace(/^\[|\]$/g, "").replace(/%.*$/, ""); // the name of an interface may follow
  if (loopbackBytes(address)) return "loopback";
  const bytes = addressBytes(address);
  if (bytes?.byteLength !== IPV6_BYTES) return host;
  if (MAPPED_PREFIX.every((byte, index) => bytes[index] === byte)) return host;
  const view = new DataView(bytes.buffer);
  const groups = NETWORK_AT.map((at) => view.getUint16(at).toString(16));
  return `${groups.join(":")}::/64`;
}

/** The same of the name of a connection's other end, without its port, which is another one for each. */
export function networkOfPeer(peer: string): string {
  return networkOf(peer.replace(/:\d+$/, ""));
}
