/** What to type on another machine whose worker should connect to a run that listens. */

import os, { type NetworkInterfaceInfo } from "node:os";
import process from "node:process";
import { formatAddress, isLoopback } from "../../link/address.ts";
import type { Address } from "../../runtime/ports.ts";
import { keyPlace } from "../../security/key_place.ts";
import { type Role, ROLES } from "../../security/role.ts";
import { shownCommand } from "../program/resume_command.ts";
import { printable } from "../../system/format.ts";
import type { RunFlags } from "./run_options.ts";

/** An address within one network segment, which a machine gives itself. */
const LINK_LOCAL = /^(169\.254\.|fe80:)/i;

/** What this machine knows about itself. */
interface OwnMachine {
  readonly hostname: string;
  readonly interfaces: typeof os.networkInterfaces;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const THIS_MACHINE: OwnMachine = {
  hostname: os.hostname(),
  interfaces: os.networkInterfaces,
  env: process.env,
};

/** `address`: where the run listens. `roles`: those that its key gives. */
export function connectHint(
  address: Address,
  { key, insecure }: Pick<RunFlags, "key" | "insecure">,
  roles: readonly Role[] = ROLES,
  machine = THIS_MACHINE,
): string {
  const command = ["worker", "--connect", formatAddress(reachable(address, machine))];
  if (insecure) return lineOf([...command, "--insecure"]);
  const isForWorkers = roles.includes("worker");
  if (isLoopback(address)) { // where this user needs no key
    return lineOf(key === undefined || !isForWorkers ? command : [...command, "--key", key]);
  }
  const { path, isDefault } = keyPlace(key, machine.env);
  if (!isForWorkers) {
    return `${lineOf([...command, "--key", "FILE"])} (${
      printable(path)
    } is only for controllers; to make ` +
      "FILE, type where the whole key is: distcomp key export --role worker FILE)";
  }
  if (isDefault) return `${lineOf(command)} (with a copy of the key ${printable(path)})`;
  return `${lineOf([...command, "--key", "FILE"])} (a copy of ${printable(path)})`;
}

function lineOf(command: readonly string[]): string {
  return `to add a worker, type: ${shownCommand(command)}`;
}

/** The address as others can use it: all addresses of a machine together are none. */
function reachable(address: Address, { hostname, interfaces }: OwnMachine): Address {
  if (address.kind !== "tcp" || !["0.0.0.0", "::"].includes(address.host)) return address;
  const own = ownAddresses(interfaces);
  const isVersion6 = address.host === "::";
  const best = own.find(({ family }) => isVersion6 === (family === "IPv6")) ?? own[0];
  return { ...address, host: best?.address ?? hostname };
}

/** None if this process may not ask for them. */
function ownAddresses(interfaces: OwnMachine["interfaces"]): NetworkInterfaceInfo[] {
  try {
    return Object.values(interfaces()).flatMap((all) => all ?? [])
      .filter(({ internal, address }) => !internal && !LINK_LOCAL.test(address));
  } catch {
    return [];
  }
}
