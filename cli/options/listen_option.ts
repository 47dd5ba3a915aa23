/** The address to listen on, of `run` and of `worker`. */

import { parseAddress } from "../../link/address.ts";
import type { Address } from "../../runtime/ports.ts";

/** No host has such a name. */
const ONLY_PORT = /^:?(\d{1,5})$/;

/** Parses the value of `--listen`. A port alone means all addresses of this machine. */
export function parseListen(text: string): Address {
  const [, port] = ONLY_PORT.exec(text) ?? [];
  return parseAddress(port === undefined ? text : `0.0.0.0:${port}`);
}
