/** Checks what a program passes to a session: a wrong value is an error at once, and `undefined` is the default. */

import { type JobLimits, variablesProblem } from "../../protocol/mod.ts";
import {
  checkLog,
  checkNames,
  checkTexts,
  checkType,
  kindOf,
  shown,
  SLOT_BYTES,
  wholeNumber,
} from "../../system/option_checks.ts";
import { DEFAULT_POLICY, INIT_MS_DEFAULT, type JobPolicy } from "../cluster/job_policy.ts";
import { GIVE_UP_MS } from "../workers/wait_policy.ts";
import type {
  CloseOptions,
  CoreOptions,
  JobLimitOptions,
  JobOptions,
  MapOptions,
  SessionOptions,
} from "./types.ts";

/** Longer times do not fit into the timers of a runtime: 24 days. */
const MS_MAX = 2 ** 31 - 1;

const PRIORITY_MAX = 100;

/** No machine has more CPUs. */
const SLOTS_MAX = 65_536;

const CORE_OPTIONS = [
  "core",
  "env",
  "with",
  "initMs",
  "timeoutMs",
  "memoryBytes",
  "retries",
  "crashLimit",
];
const SESSION_OPTIONS = [
  ...CORE_OPTIONS,
  ...["workers", "key", "insecure", "compress", "whenNoWorker", "connectMs"],
  ...["slots", "threads", "workdir", "worker", "log"],
];
const JOB_OPTIONS = ["signal", "priority", "timeoutMs", "memoryBytes"];
const MAP_OPTIONS = [...JOB_OPTIONS, "ordered", "ahead"];

/** What the options of a core say. */
export interface CheckedCore {
  readonly policy: JobPolicy;
  readonly initMs: number;
}

/** What the options of a job say. */
export interface CheckedJob {
  readonly limits: JobLimits | undefined;
  readonly priority: number;
  readonly signal: AbortSignal | undefined;
}

/** Checks the options of a session that are not those of its core. Returns how long workers are awaited. */
export function checkSession(options: SessionOptions): { readonly connectMs: number } {
  checkNames("a session", options, SESSION_OPTIONS);
  checkTexts("workers", options.workers);
  checkType("key", options.key, "string");
  checkType("insecure", options.insecure, "boolean");
  checkType("compress", options.compress, "boolean");
  checkType("workdir", options.workdir, "string");
  wholeNumber("slots", options.slots, 1, SLOTS_MAX);
  wholeNumber("threads", options.threads, 1, SLOTS_MAX);
  if (options.worker !== undefined) checkNames("worker", options.worker, ["command"]);
  checkCommand(options.worker?.command);
  checkLog(options.log);
  const { whenNoWorker = "fail" } = options;
  if (whenNoWorker !== "fail" && whenNoWorker !== "wait") {
    throw new RangeError(`whenNoWorker must be "fail" or "wait", not ${shown(whenNoWorker)}`);
  }
  return { connectMs: wholeNumber("connectMs", options.connectMs, 0, MS_MAX) ?? GIVE_UP_MS };
}

/** Checks the options of a core. */
export function checkedCore(options: CoreOptions): CheckedCore {
  checkCoreValue(options);
  checkTexts("with", options.with);
  checkVariables(options.env);
  const limits = checkedLimits(options, DEFAULT_POLICY) ?? DEFAULT_POLICY;
  const policy = {
    ...limits,
    retries: wholeNumber("retries", options.retries, 0) ?? DEFAULT_POLICY.retries,
    crashLimit: wholeNumber("crashLimit", options.crashLimit, 1) ?? DEFAULT_POLICY.crashLimit,
  };
  const initMs = wholeNumber("initMs", options.initMs, 1, MS_MAX) ?? INIT_MS_DEFAULT;
  return { policy, initMs };
}

/** Checks the options of another core of a session. */
export function checkAnotherCore(options: CoreOptions): void {
  checkNames("a core", options, CORE_OPTIONS);
}

/** Checks the options of `run`. `defaults`: the limits of the session. */
export function checkedJob(
  options: JobOptions,
  defaults: JobLimits,
  names = JOB_OPTIONS,
): CheckedJob {
  checkNames("a job", options, names);
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal must be an AbortSignal, not ${kindOf(signal)}`);
  }
  const priority = wholeNumber("priority", options.priority, -PRIORITY_MAX, PRIORITY_MAX) ?? 0;
  return { limits: checkedLimits(options, defaults), priority, signal };
}

/** Checks the options of `map`. */
export function checkedMap(options: MapOptions, defaults: JobLimits) {
  const job = checkedJob(options, defaults, MAP_OPTIONS);
  checkType("ordered", options.ordered, "boolean");
  const ahead = wholeNumber("ahead", options.ahead, 1) ?? Infinity;
  return { ...job, ordered: options.ordered ?? true, ahead };
}

/** Checks the options of `close`. Returns whether jobs are finished first. */
export function checkedClose(options: CloseOptions): boolean {
  checkNames("close", options, ["drain"]);
  checkType("drain", options.drain, "boolean");
  return options.drain ?? false;
}

/** `undefined` if there are no limits but the defaults. */
function checkedLimits(options: JobLimitOptions, defaults: JobLimits): JobLimits | undefined {
  const timeMs = wholeNumber("timeoutMs", options.timeoutMs, 0, MS_MAX);
  const memoryBytes = checkedMemory(options.memoryBytes);
  if (timeMs === undefined && memoryBytes === undefined) return undefined;
  return {
    timeMs: timeMs ?? defaults.timeMs,
    memoryBytes: memoryBytes ?? defaults.memoryBytes,
  };
}

/** No limit, or one that leaves room for a job. */
function checkedMemory(value: unknown): number | undefined {
  const bytes = wholeNumber("memoryBytes", value, 0);
  if (bytes === undefined || bytes === 0 || bytes >= SLOT_BYTES) return bytes;
  throw new RangeError(
    `memoryBytes must be 0 or at least ${SLOT_BYTES}, which a slot alone needs, not ${bytes}`,
  );
}

function checkVariables(value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== "object" || value === null) {
    throw new TypeError(
      `env must be an object with a string for each variable, not ${shown(value)}`,
    );
  }
  const variables: [string, string][] = Object.entries(value);
  for (const [name, text] of variables) checkType(`env.${name}`, text, "string");
  const problem = variablesProblem(variables);
  if (problem !== undefined) throw new RangeError(`env cannot be used: ${problem}`);
}

function checkCommand(command: unknown): void {
  checkTexts("worker.command", command);
  if (Array.isArray(command) && command.length === 0) {
    throw new RangeError("worker.command must name an executable, and is empty");
  }
}

function checkCoreValue({ core, with: beside }: CoreOptions): void {
  const builds = Array.isArray(core) ? core : [core];
  if (builds.length === 0) throw new TypeError("core must name a file, and is empty");
  for (const build of builds) checkBuild(build);
  if (beside && builds.some((build) => build instanceof Uint8Array)) {
    throw new TypeError("Files can be put beside a core (with) only if the core is a file too");
  }
}

function checkBuild(core: unknown): void {
  const isFile = typeof core === "string" || core instanceof URL;
  if (!isFile && !(core instanceof Uint8Array)) {
    throw new TypeError(`core must be a path, a URL or a Uint8Array, not ${kindOf(core)}`);
  }
  if (core instanceof URL && core.protocol !== "file:") {
    throw new TypeError(`core must be a URL of a file, not ${core.href}`);
  }
}
