/** Lists of hosts, with brackets as Slurm writes them: `node[1-20]`, `user@gpu[01-04,07]:32`. */

/** A larger list is a typing error: ssh would need a process for each. */
const HOSTS_MAX = 4_096;

/** The same with hosts that are in it several times, as in lists of batch systems: one line for each CPU. */
const NAMED_MAX = 1_000_000;

/** No machine runs more jobs at once. */
const SLOTS_MAX = 4_096;

/**
 * What ssh takes as a host or an alias, with a user in front or without: an IPv6 address has no brackets there, and may
 * begin with colons. It never begins like an option.
 */
const TARGET = /^(?:\w[\w.+-]*@)?(?:\w|::)[\w.%:+-]*$/;

/** Commas and spaces that are in no brackets separate hosts. */
const SEPARATOR = /[\s,]/;

/** A name with more brackets is a typing error. */
const BRACKETS_MAX = 16;

/** What is quoted of a list that cannot be understood. */
const QUOTED_CHARS_MAX = 100;

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
    const quoted = text.length > QUOTED_CHARS_MAX ? `${text.slice(0, QUOTED_CHARS_MAX)}…` : text;
    super(
      `Cannot understand the hosts "${quoted}": ${why}; write node1, node[1-20] or user@host:32`,
    );
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
  let named = 0;
  for (const part of partsOf(text)) {
    for (const host of hostsIn(part)) {
      hosts.set(host.target, host);
      named += 1;
      if (hosts.size > HOSTS_MAX || named > NAMED_MAX) throw tooMany(part);
    }
  }
  return [...hosts.values()];
}

/** A line ends brackets that were not closed, so that one typing error does not hide all hosts behind it. */
function* partsOf(text: string): Iterable<string> {
  let start = 0;
  let isInBrackets = false;
  for (let at = 0; at <= text.length; at++) {
    const character = text.charAt(at);
    if (character === "[") isInBrackets = true;
    else if (character === "]" || character === "\n") isInBrackets = false;
    const isEnd = at === text.length || (!isInBrackets && SEPARATOR.test(character));
    if (!isEnd) continue;
    if (at > start) yield text.slice(start, at);
    start = at + 1;
  }
}

function hostsIn(part: string): Host[] {
  const [, names = "", slots] = /^(.*?\]|[^:]*)(?::([^:\]]*))?$/.exec(part) ?? [];
  if (names === "") throw new HostListError(part, "a host is missing");
  const count = slots === undefined ? undefined : slotsIn(part, slots);
  return expand(part, names).map((target) => {
    if (TARGET.test(target)) return { target, slots: count };
    throw new HostListError(part, `"${target}" is not a host name`);
  });
}

function slotsIn(part: string, text: string): number {
  const slots = /^\d+$/.test(text) ? Number(text) : 0;
  if (slots >= 1 && slots <= SLOTS_MAX) return slots;
  throw new HostListError(part, `behind a colon is the number of slots, 1 to ${SLOTS_MAX}`);
}

/** Replaces all brackets by each of their values, the first ones most slowly. */
function expand(part: string, names: string): string[] {
  const pieces = names.split(/(\[[^[\]]*\])/); // brackets are every second one
  if (pieces.length > 2 * BRACKETS_MAX + 1) {
    throw new HostListError(part, `more than ${BRACKETS_MAX} brackets in one name`);
  }
  let targets = [""];
  for (const [index, piece] of pieces.entries()) {
    const values = index % 2 === 0 ? [textOf(part, piece)] : listed(part, piece.slice(1, -1));
    if (values.length * targets.length > HOSTS_MAX) throw tooMany(part);
    targets = targets.flatMap((target) => values.map((value) => target + value));
  }
  return targets;
}

function textOf(part: string, piece: string): string {
  if (/[[\]]/.test(piece)) throw new HostListError(part, "its brackets do not match");
  return piece;
}

/** The values of brackets. */
function listed(part: string, list: string): string[] {
  if (list.includes(":")) return [list]; // an IPv6 address
  const values: string[] = [];
  for (const range of list.split(",")) {
    values.push(...valuesOf(part, range));
    if (values.length > HOSTS_MAX) throw tooMany(part);
  }
  return values;
}

function tooMany(part: string): HostListError {
  return new HostListError(part, `more than ${HOSTS_MAX} hosts`);
}

/** `08-10` is 08, 09 and 10: numbers have as many digits as the first one. */
function valuesOf(part: string, range: string): string[] {
  const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range) ?? [];
  if (first === undefined || last === undefined || Number(last) < Number(first)) {
    throw new HostListError(part, `"${range}" is not a range of numbers`);
  }
  const count = Number(last) - Number(first) + 1;
  if (count > HOSTS_MAX) throw tooMany(part);
  return Array.from(
    { length: count },
    (_, index) => String(Number(first) + index).padStart(first.length, "0"),
  );
}
