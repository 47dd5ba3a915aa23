/** Lists of hosts, with brackets as Slurm writes them: `node[1-20]`, `user@gpu[01-04,07]:32`. */

/** A larger list is a typing error: ssh would need a process for each. */
const HOSTS_MAX = 4_096;

/** No machine runs more jobs at once. */
const SLOTS_MAX = 4_096;

/** What ssh takes as a host or an alias, with a user in front or without. It never begins like an option. */
const TARGET = /^(?:\w[\w.+-]*@)?\w[\w.%:+-]*$/;

/** Commas that are in no brackets separate hosts; so do spaces. */
const SEPARATOR = /[\s,]+(?![^[\]]*\])/;

/** A machine on which a worker is to be started. */
export interface Host {
  /** What ssh is given: a host or an alias, with a user in front or without. */
  readonly target: string;
  /** How many jobs it runs at once; one per CPU unless given. */
  readonly slots?: number | undefined;
}

/** A list of hosts that cannot be understood. */
export class HostListError extends Error {
  override name = "HostListError";

  constructor(text: string, why: string) {
    super(`Cannot understand the hosts "${text}": ${why}; write node1, node[1-20] or user@host:32`);
  }
}

/**
 * Parses a list of hosts. Who is in it twice counts once.
 *
 * ```ts
 * import { parseHosts } from "./host_list.ts";
 *
 * parseHosts("node[08-10],me@big:32"); // node08, node09, node10, and me@big with 32 slots
 * ```
 */
export function parseHosts(text: string): Host[] {
  const hosts = new Map<string, Host>();
  for (const part of text.split(SEPARATOR).filter((part) => part !== "")) {
    for (const host of hostsIn(part)) {
      hosts.set(host.target, host);
      if (hosts.size > HOSTS_MAX) throw new HostListError(part, `more than ${HOSTS_MAX} hosts`);
    }
  }
  return [...hosts.values()];
}

function hostsIn(part: string): Host[] {
  const [, names = "", slots] = /^(.*?\]|[^:]*)(?::([^:\]]*))?$/.exec(part) ?? [];
  if (names === "") throw new HostListError(part, "a host is missing");
  const count = slots === undefined ? undefined : slotsIn(part, slots);
  return expand(part, names).map((target) => {
    if (TARGET.test(target)) return { target, slots: count };
    throw new HostListError(part, `"${target}" is no name of a host`);
  });
}

function slotsIn(part: string, text: string): number {
  const slots = /^\d+$/.test(text) ? Number(text) : 0;
  if (slots >= 1 && slots <= SLOTS_MAX) return slots;
  throw new HostListError(part, `behind a colon is the number of slots, 1 to ${SLOTS_MAX}`);
}

/** Replaces the first brackets by each of their values, and then the next ones. */
function expand(part: string, names: string): string[] {
  const [, before = "", list, after = ""] = /^([^[\]]*)\[([^[\]]*)\](.*)$/.exec(names) ?? [];
  if (list === undefined) {
    if (/[[\]]/.test(names)) throw new HostListError(part, "its brackets do not match");
    return [names];
  }
  if (list.includes(":")) return [`${before}${list}${after}`]; // an IPv6 address
  const values = list.split(",").flatMap((range) => valuesOf(part, range));
  const rests = expand(part, after);
  if (values.length * rests.length > HOSTS_MAX) {
    throw new HostListError(part, `more than ${HOSTS_MAX} hosts`);
  }
  return values.flatMap((value) => rests.map((rest) => `${before}${value}${rest}`));
}

/** `08-10` is 08, 09 and 10: numbers have as many digits as the first one. */
function valuesOf(part: string, range: string): string[] {
  const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range) ?? [];
  if (first === undefined || last === undefined || Number(last) < Number(first)) {
    throw new HostListError(part, `"${range}" is no range of numbers`);
  }
  const count = Number(last) - Number(first) + 1;
  if (count > HOSTS_MAX) throw new HostListError(part, `more than ${HOSTS_MAX} hosts`);
  return Array.from(
    { length: count },
    (_, index) => String(Number(first) + index).padStart(first.length, "0"),
  );
}
