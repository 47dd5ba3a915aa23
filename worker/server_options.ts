/** The options of a worker for programs, and their checks: a wrong one must not open a worker to others. */

import { LABELS_MAX } from "../protocol/mod.ts";
import { isLabel } from "../system/label.ts";
import {
  checkLog,
  checkNames,
  checkTexts,
  checkType,
  shown,
  wholeNumber,
} from "../system/option_checks.ts";
import type { TrustOptions } from "./cores/core_trust.ts";
import type { WorkerOptions } from "./worker_options.ts";

/** Options of a worker that listens. */
export interface WorkerServerOptions extends WorkerOptions {
  /** How many jobs run at once, each in a process of its own. Default: one per CPU, or per `threads` CPUs. */
  readonly slots?: number | undefined;
  /**
   * The file of the key. Default: `DISTCOMP_KEY`, or `~/.config/distcomp/key`, which is made when it is needed first.
   */
  readonly key?: string | undefined;
  /** Takes everybody who connects, who can then run code as this user. Default: false. */
  readonly insecure?: boolean | undefined;
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
  labels: checkLabels,
  software: text,
  coreLoadLimitMs: atLeast(0),
  halfClosedMs: atLeast(0),
  controllerSilentMsMax: atLeast(0),
  orphanLimitMs: atLeast(0),
  goneLimitMs: atLeast(0),
  dumpsFolder: text,
  trust: checkTrust,
  key: text,
  insecure: flag,
  command: checkTexts,
};

/** Throws a `TypeError` or a `RangeError` for a wrong option, or for what is not an address at all. */
export function checkServerOptions(address: unknown, options: WorkerServerOptions): void {
  if (typeof address !== "string") {
    throw new TypeError(`address must be a string, not ${shown(address)}`);
  }
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

/** More of them, or other texts, cannot be asked for, or not be sent. */
function checkLabels(name: string, value: unknown): void {
  checkTexts(name, value);
  const labels = (value ?? []) as readonly string[];
  if (labels.length > LABELS_MAX) {
    throw new RangeError(`${name} must be at most ${LABELS_MAX}, not ${labels.length}`);
  }
  const wrong = labels.find((label) => !isLabel(label));
  if (wrong === undefined) return;
  throw new RangeError(`${name} must be names and values, such as gpu=a100, not ${shown(wrong)}`);
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
