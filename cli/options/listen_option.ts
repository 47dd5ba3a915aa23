/** The address to listen on, of `run` and of `worker`, and the one to connect to. */

import { AddressError, formatAddress, parseAddress, PORT_MAX } from "../../link/address.ts";
import type { Address, Runtime, StreamListener } from "../../runtime/ports.ts";
import { listenPrivately, listenProblem } from "../../system/unix_socket.ts";
import { UsageError } from "../program/usage_error.ts";

/** No host has such a name. */
const ONLY_PORT = /^:?(\d+)$/;

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

/** Listens there. Throws if that is not possible. */
export function listenOn(runtime: Runtime, address: Address): StreamListener {
  try {
    return listenPrivately(runtime, address);
  } catch (cause) {
    throw new UsageError(`Cannot listen on ${formatAddress(address)}: ${listenProblem(cause)}`, {
      cause,
    });
  }
}

/** Parses the value of `--connect` of a worker: not any free port. */
export function parseConnect(text: string): Address {
  const address = parseAddress(text);
  if (address.kind !== "tcp" || address.port > 0) return address;
  throw new UsageError(`--connect needs the port of a run, from 1 to ${PORT_MAX}, not "${text}"`);
}
