/** `--web`: the page of a run or a worker. Its value may be left out, and then what follows is not taken for one. */

import type { Command } from "commander";
import { AddressError, parseAddress } from "../link/address.ts";
import type { Address } from "../runtime/ports.ts";

/** Where the page is unless somebody says otherwise: only this machine can reach it, at a port that is free. */
export const DEFAULT_WEB: WebAddress = { kind: "tcp", host: "127.0.0.1", port: 0 };

/** Where a page is served. */
export type WebAddress = Extract<Address, { kind: "tcp" }>;

/** The parsed values of the options. */
export interface WebFlags {
  readonly web?: WebAddress;
  readonly webToken?: string;
}

/** What `--web` takes: a host and a port. A file is hardly named so. */
const WITH_PORT = /^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d+$/;

/** Adds the options to the parser and the help. */
export function addWebOptions(command: Command): Command {
  return command
    .option("--web [host:port]", "show it in a browser (default: only on this machine)", parseWeb)
    .option("--web-token <file>", "a file with the token for programs that read /metrics");
}

/**
 * The arguments in a form that the parser understands: in `--web core.so`, the core is no address. What follows `--` is
 * left alone.
 */
export function withWebAddress(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  return args.map((arg, index) => {
    const isOption = arg === "--web" && (end < 0 || index < end);
    return isOption && !WITH_PORT.test(args[index + 1] ?? "") ? "--web=" : arg;
  });
}

function parseWeb(text: string): WebAddress {
  if (text === "") return DEFAULT_WEB;
  const address = parseAddress(text);
  if (address.kind !== "tcp") throw new AddressError(text, "a browser needs a host and a port");
  return address;
}
