/** The run that workers of a batch system serve: it listens for them on this machine, and says what it needs. */

import os from "node:os";
import process from "node:process";
import { parseAddress } from "../../link/address.ts";
import type { Address } from "../../runtime/ports.ts";
import type { RunNeed } from "../../up/run_need.ts";
import { askRun, DeadRunError } from "../../watch/ask_run.ts";
import { findLiveRuns, type LiveRunFound } from "../../watch/find_run.ts";
import type { RunSnapshot } from "../../watch/snapshot.ts";

/** Names of this machine that every machine has. */
const OWN_NAMES = ["localhost", "127.0.0.1", "::1"];

/** An address is not a name, so that `10` is not `10.0.0.1`. */
const IP_ADDRESS = /:|^[\d.]+$/;

/** What this machine knows of its names. */
interface OwnNames {
  readonly hostname: string;
  readonly addresses: readonly string[];
}

/** A run of this user on this machine. */
export class ServedRun {
  readonly #port: number;
  #run: LiveRunFound | undefined;

  /** `port`: where the run listens for workers. */
  constructor(port: number) {
    this.#port = port;
  }

  /** What it needs; `undefined` while there is none. */
  async need(): Promise<RunNeed | undefined> {
    this.#run = await this.#again() ?? await this.#find();
    return this.#run && needOf(this.#run.snapshot);
  }

  /** The run that was found before. One that does not answer, as while it is stopped, is as it was. */
  async #again(): Promise<LiveRunFound | undefined> {
    if (!this.#run) return undefined;
    const { socket } = this.#run;
    try {
      return { socket, snapshot: await askRun(socket) };
    } catch (error) {
      return error instanceof DeadRunError ? undefined : this.#run;
    }
  }

  async #find(): Promise<LiveRunFound | undefined> {
    const { runs } = await findLiveRuns(process.env);
    return runs.find(({ snapshot }) => portOf(snapshot) === this.#port);
  }
}

/** Whether workers that are told this address reach this machine, as far as it knows its names. */
export function isThisMachine(address: Address, own = ownNames()): boolean {
  if (address.kind !== "tcp") return false;
  const { host } = address;
  if ([...OWN_NAMES, ...own.addresses].includes(host)) return true;
  return !IP_ADDRESS.test(host) && isSameName(host.toLowerCase(), own.hostname.toLowerCase());
}

function ownNames(): OwnNames {
  const own = Object.values(os.networkInterfaces()).flatMap((at) => at ?? []);
  return { hostname: os.hostname(), addresses: own.map((at) => at.address) };
}

/** Either may be short: `vm` is `vm.cluster.org`. */
function isSameName(one: string, other: string): boolean {
  const [short = "", long = ""] = one.length < other.length ? [one, other] : [other, one];
  return long === short || long.startsWith(`${short}.`);
}

function portOf({ listen }: RunSnapshot): number | undefined {
  const address = listen === undefined ? undefined : parseAddress(listen);
  return address?.kind === "tcp" ? address.port : undefined;
}

function needOf({ jobs, phase, slots, leftMs }: RunSnapshot): RunNeed {
  const startsMore = phase === "starting" || phase === "running";
  return {
    jobsLeft: jobs.running + (startsMore ? jobs.waiting : 0),
    isAtLeast: startsMore && jobs.total === null,
    slots,
    leftMs,
  };
}
