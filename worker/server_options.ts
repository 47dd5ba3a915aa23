/** The options of a worker for programs, and their checks: a wrong one must not open a worker to others. */

import {
  checkLog,
  checkNames,
  checkTexts,
  checkType,
  wholeNumber,
} from "../system/option_checks.ts";
import type { TrustOptions } from "./cores/core_trust.ts";
import type { WorkerOptions } from "./worker_options.ts";

/** Options of a worker that listens. */
export interface WorkerServerOptions extends Omit<WorkerOptions, "slots"> {
  /** How many jobs run at once, each in a process of its own. Default: one per CPU, or per `threads` CPUs. */
  readonly slots?: number | undefined;
  /**
   * The file of the key. Default: `DISTCOMP_KEY`, or `~/.config/distcomp/key`, which is made when it is needed first.
   */
  readonly key?: string;
  /** Takes everybody who connects, who can then run code as this user. Default: false. */
  readonly insecure?: boolean;
  /** The executable `distcomp` that is started for each slot, and its first arguments. Default: this program. */
  readonly command?: readonly string[] | undefined;
}

/** How the value of each option is checked. */
const CHECKS: {
  readonly [N in keyof Required<WorkerServerOptions>]: (name: string, value: unknown) => void;
} = {
  slots: atLeast(1),
  threads: atLeast(1),
  log: (_name, value) => checkLog(value),
  folder: text,
  workdir: text,
  pin: flag,
  devices: checkTexts,
  name: text,
  labels: checkTexts,
  software: text,
  payloadBytesMax: atLeast(0),
  takesHugeInputs: flag,
  coreLoadLimitMs: atLeast(0),
  halfClosedMs: atLeast(0),
  controllerSilentMsMax: atLeast(0),
  orphanLimitMs: atLeast(0),
  goneLimitMs: atLeast(0),
  ownsProcess: flag,
  tellsController: flag,
  endsWithController: flag,
  dumpsFolder: text,
  trust: checkTrust,
  key: text,
  insecure: flag,
  command: checkTexts,
};

/** Throws a `TypeError` or a `RangeError` for a wrong option, or for what is no address at all. */
export function checkServerOptions(address: unknown, options: WorkerServerOptions): void {
  checkType("address", address, "string");
  checkNames("a worker", options, Object.keys(CHECKS));
  for (const [name, check] of Object.entries(CHECKS)) {
    check(name, options[name as keyof WorkerServerOptions]);
  }
}

function text(name: string, value: unknown): void {
  checkType(name, value, "string");
}

function flag(name: string, value: unknown): void {
  checkType(name, value, "boolean");
}

function atLeast(min: number): (name: string, value: unknown) => void {
  return (name, value) => void wholeNumber(name, value, min);
}

/** Who trusts nobody in particular trusts everybody: that must be said by leaving the option out. */
function checkTrust(name: string, value: unknown): void {
  if (value === undefined) return;
  checkNames(name, value, ["signers", "allowed", "variables"]);
  const { signers = [], allowed = [], variables } = value as TrustOptions;
  checkTexts(`${name}.signers`, signers);
  checkTexts(`${name}.allowed`, allowed);
  checkTexts(`${name}.variables`, variables);
  if (signers.length + allowed.length > 0) return;
  throw new TypeError(
    `${name} needs signers or allowed files; without this option, every core may run`,
  );
}
