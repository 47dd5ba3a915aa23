/** Parses and formats addresses. */

import { type Address, hostAndPort } from "../runtime/ports.ts";

/** The default port of workers. */
export const DEFAULT_PORT = 7433;

/** The largest port of TCP. */
export const PORT_MAX = 65_535;

/** Of a longer text, an error shows only the beginning: a file may have a whole list in one line. */
const SHOWN_CHARS_MAX = 200;

/** The text is not a valid address. */
export class AddressError extends Error {
  /** The name of this class of errors. */
  override name = "AddressError";

  /** The error for the address `text`, with the reason `why`, and what to write instead. */
  constructor(text: string, why: string, forms = "HOST:PORT, HOST or [IPV6]:PORT") {
    const shown = text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
    super(`Cannot understand the address "${shown}": ${why}; write ${forms}`);
  }
}

/**
 * Parses `HOST`, `HOST:PORT`, `[IPV6]`, `[IPV6]:PORT` or `unix:PATH`.
 *
 * ```ts
 * import { parseAddress } from "./address.ts";
 *
 * parseAddress("node7"); // { kind: "tcp", host: "node7", port: 7433 }
 * parseAddress("[fe80::1]:900"); // { kind: "tcp", host: "fe80::1", port: 900 }
 * ```
 */
export function parseAddress(text: string): Address {
  if (text.includes("\0")) throw new AddressError(text, "it contains a zero byte");
  if (text === "unix:") throw new AddressError(text, "the path is missing", "unix:PATH");
  if (text.startsWith("unix:")) return { kind: "unix", path: text.slice(5) };
  if (text.includes("://")) throw new AddressError(text, "it is a URL");
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (!bracketed && text.split(":").length > 2) {
    throw new AddressError(text, "an IPv6 address needs brackets");
  }
  const [host, port] = bracketed ? bracketed.slice(1) : text.split(":");
  if (!host || /[\s/@,\p{Cc}]/u.test(host)) {
    throw new AddressError(text, "the host is missing or has an invalid character");
  }
  return { kind: "tcp", host, port: port === undefined ? DEFAULT_PORT : parsePort(text, port) };
}

function parsePort(text: string, port: string): number {
  const number = /^\d{1,5}$/.test(port) ? Number(port) : Infinity;
  if (number > PORT_MAX) {
    throw new AddressError(
      text,
      `port must be 0–${PORT_MAX}, not "${port.slice(0, SHOWN_CHARS_MAX)}"`,
    );
  }
  return number;
}

/** The address as text, in the form that `parseAddress` accepts; one that only ssh reaches is only shown. */
export function formatAddress(address: Address): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  if (address.kind === "ssh") return `ssh://${address.target}`;
  return hostAndPort(address.host, address.port);
}

/** Whether only this machine can connect to the address. */
export function isLoopback(address: Address): boolean {
  if (address.kind !== "tcp") return address.kind === "unix";
  return address.host === "localhost" || address.host === "::1" ||
    /^127(\.\d+){3}$/.test(address.host);
}
