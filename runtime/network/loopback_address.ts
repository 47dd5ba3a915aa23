/** Loopback addresses, as both runtimes write them. */

const IPV4 = /^(?:::ffff:)?127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/i;

/** The bytes before an IPv4 address that is written as an IPv6 address ("mapped"). */
export const MAPPED_PREFIX: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

const IPV6_LOOPBACK: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/** The 16 bytes of a loopback address, an IPv4 address as a mapped one; `undefined` for any other text. */
export function loopbackBytes(host: string): readonly number[] | undefined {
  if (host === "::1") return IPV6_LOOPBACK;
  const rest = IPV4.exec(host)?.slice(1).map(Number);
  return rest?.every((byte) => byte <= 255) ? [...MAPPED_PREFIX, 127, ...rest] : undefined;
}
