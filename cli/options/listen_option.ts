/** The address to listen on, of `run` and of `worker`. */

import { AddressError, parseAddress, PORT_MAX } from "../../link/address.ts";
import type { Address } from "../../runtime/ports.ts";

/** No host has such a name. */
const ONLY_PORT = /^:?(\d{1,5})$/;

/** Parses the value of `--listen`. A port alone means all addresses of this machine. */
export function parseListen(text: string): Address {
  const [, port] = ONLY_PORT.exec(text) ?? [];
  if (port !== undefined) checkPort(text, port);
  return parseAddress(port === undefined ? text : `0.0.0.0:${port}`);
}

/** Throws an error that names the port as it was typed, and not with the host that is added to it. */
export function checkPort(text: string, port = text): void {
  if (Number(port) > PORT_MAX) {
    throw new AddressError(text, `port must be 0–${PORT_MAX}, not "${port}"`);
  }
}
