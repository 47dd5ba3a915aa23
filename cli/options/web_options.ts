/** `--web`: the page of a run or a worker. Its value may be left out, and then what follows is not taken for one. */

import type { Command } from "commander";
import { existsSync } from "node:fs";
import { AddressError, parseAddress } from "../../link/address.ts";
import type { Address } from "../../runtime/ports.ts";
import { checkPort } from "./listen_option.ts";
import { UsageError } from "../program/usage_error.ts";

/** Where the page is unless somebody says otherwise: only this machine can reach it, at a port that is free. */
export const DEFAULT_WEB: WebAddress = { kind: "tcp", host: "127.0.0.1", port: 0 };

/** Where a page is served. */
export type WebAddress = Extract<Address, { kind: "tcp" }>;

/** The parsed values of the options. */
export interface WebFlags {
  readonly web?: WebAddress;
  readonly webToken?: string;
}

/** What `--web` takes: a host and a port, a port, or a host that cannot be a file. A file is hardly named so. */
const WITH_PORT = /^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d+$/;
const ONLY_DIGITS = /^\d+$/;
const ONLY_PORT = /^\d{1,5}$/;
const ONLY_HOST = /^(localhost|\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\])$/;

/** Such a name may be that of a host. A core is called otherwise. */
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const CORE_NAME = /\.(so|dylib|dll)$/;

/** Adds the options to the parser and the help. */
export function addWebOptions(command: Command): Command {
  return command
    .option("--web [host:port]", "show it in a browser (default: only on this machine)", parseWeb)
    .option("--web-token <file>", "a file with the token for programs that read /metrics");
}

/**
 * The arguments in a form that the parser understands: in `--web core.so`, the core is not an address. What follows
 * `--` is left alone.
 */
export function withWebAddress(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  return args.map((arg, index) => {
    const isOption = arg === "--web" && (end < 0 || index < end);
    if (!isOption) return arg;
    const next = args[index + 1] ?? "";
    if (isAddress(next)) return arg;
    checkNoHost(next);
    return "--web=";
  });
}

function isAddress(text: string): boolean {
  return WITH_PORT.test(text) || ONLY_PORT.test(text) || ONLY_HOST.test(text);
}

/** A host without its port would be taken for the core, and then the message would be about that. */
function checkNoHost(text: string): void {
  if (!HOST_NAME.test(text) || CORE_NAME.test(text) || existsSync(text)) return;
  if (ONLY_DIGITS.test(text)) checkPort(text);
  throw new UsageError(
    `There is no file "${text}"; if the page should be there, name the port too: --web ${text}:8080`,
  );
}

function parseWeb(text: string): WebAddress {
  if (text === "") return DEFAULT_WEB;
  if (ONLY_PORT.test(text)) {
    checkPort(text);
    return parseWeb(`${DEFAULT_WEB.host}:${text}`);
  }
  const hasPort = /:\d*$/.test(text.replace(/^\[[^\]]*\]/, ""));
  if (!hasPort && !text.startsWith("unix:")) return parseWeb(`${text}:${DEFAULT_WEB.port}`);
  const address = parseAddress(text);
  if (address.kind !== "tcp") throw new AddressError(text, "a browser needs a host and a port");
  return address;
}
