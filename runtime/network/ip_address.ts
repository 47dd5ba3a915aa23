/** IP addresses as bytes, as certificates have them. */

/** A number with a zero in front of it is octal to some programs, and decimal to others. */
const IPV4 = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;

/** What stands in an IPv6 address, an IPv4 address at its end included. Without this, a URL could go on behind it. */
const IPV6 = /^[\da-f:.]+$/i;
const IPV6_GROUPS = 8;

/**
 * The 4 or 16 bytes of an address; `undefined` for any other text. `node:net` would take a worker's start a
 * millisecond.
 */
export function addressBytes(host: string): Uint8Array<ArrayBuffer> | undefined {
  if (IPV4.test(host)) return ipv4Bytes(host);
  const address = IPV6.test(host) ? canonicalIpv6(host) : undefined;
  if (address === undefined) return undefined;
  const [before = "", after] = address.split("::");
  const [first, last] = [groupsOf(before), groupsOf(after ?? "")];
  const zeros = Array(IPV6_GROUPS - first.length - last.length).fill(0);
  return Uint8Array.from(
    [...first, ...zeros, ...last].flatMap((group) => [group >> 8, group & 0xff]),
  );
}

function ipv4Bytes(host: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = host.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? Uint8Array.from(bytes) : undefined;
}

/** Without an IPv4 address at its end. */
function canonicalIpv6(host: string): string | undefined {
  try {
    return new URL(`http://[${host}]`).hostname.slice(1, -1);
  } catch {
    return undefined;
  }
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
}
