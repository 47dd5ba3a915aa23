/** IP addresses as bytes, as certificates have them. */

import { isIP } from "node:net";

const IPV6_GROUPS = 8;

/** The 4 or 16 bytes of an address; `undefined` for any other text. */
export function addressBytes(host: string): Uint8Array<ArrayBuffer> | undefined {
  const version = isIP(host);
  if (version === 4) return Uint8Array.from(host.split("."), Number);
  if (version !== 6 || host.includes("%")) return undefined; // an interface is no part of an address
  const [before = "", after] = new URL(`http://[${host}]`).hostname.slice(1, -1).split("::");
  const [first, last] = [groupsOf(before), groupsOf(after ?? "")];
  const zeros = Array(IPV6_GROUPS - first.length - last.length).fill(0);
  return Uint8Array.from(
    [...first, ...zeros, ...last].flatMap((group) => [group >> 8, group & 0xff]),
  );
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
}
