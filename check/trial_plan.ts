/** What a trial does, and what it reports: the protocol between `distcomp check` and the processes that it starts. */

import type { GuardSide } from "../runtime/native/guarded_core.ts";

/** What a trial does: it loads the core, runs one input several times, and ends. */
export interface TrialPlan {
  /** The absolute path of the core. */
  readonly core: string;
  /** The path of the input; `undefined` to run no job. */
  readonly input: string | undefined;
  /** Where the input is placed; `undefined` for plain memory, as in a slot. */
  readonly guard: { readonly side: GuardSide; readonly canary: number } | undefined;
  /** The most runs. */
  readonly runs: number;
  /** No run begins later than this after the first. */
  readonly budgetMs: number;
  /** The working directory of the core, which is empty. */
  readonly workFolder: string;
  /** A path that is in the environment of the trial and of all processes that it starts. */
  readonly mark: string;
  /** Where it reports. */
  readonly report: string;
}

/** What a trial is doing. If it crashes, the last one tells where. */
export type Phase =
  | "start"
  | "load"
  | "init"
  | "run"
  | "output"
  | "free"
  /** One of the jobs behind the first two, of which the steps are not reported. */
  | "jobs"
  | "after"
  | "unload";

/** What a core reports as its output, which may not be there: in digits, as it may be too large for a number. */
export interface ReportedOutput {
  readonly bytes: string;
  /** In hexadecimal digits. */
  readonly address: string;
}

/** One of the first two runs. */
export interface RunReport {
  readonly exitCode: number;
  readonly outputBytes: number;
  /** The SHA-256 of the output; `undefined` if it is too large to be compared, or if there is a `problem`. */
  readonly output: string | undefined;
  readonly problem: string | undefined;
  /** Whether the output lies in the input, or in its NUL byte. */
  readonly isInInput: boolean;
  /** Whether the memory around the input is as it was. */
  readonly isIntact: boolean;
  /** Threads that were not there before the core was loaded. */
  readonly threads: number;
}

/** The threads of the core behind one of the runs. */
export interface ThreadCount {
  readonly run: number;
  readonly threads: number;
}

/** Memory at one moment. */
export interface Usage {
  readonly run: number;
  readonly residentBytes: number;
  /** What the C library's `malloc` has from the system for small blocks; 0 where that is not known. */
  readonly heapBytes: number;
}

/** What the jobs have left behind. */
export interface Remains {
  readonly processes: number;
  /** What is in the working directory; `null` if that is gone. */
  readonly files: readonly string[] | null;
}

/** A line of the report. */
export type ReportLine =
  | { readonly phase: Phase }
  | { readonly output: ReportedOutput }
  | { readonly loaded: { readonly openMs: number; readonly initMs: number } }
  | { readonly failed: string }
  | { readonly ran: RunReport }
  | { readonly times: { readonly runs: number; readonly medianMs: number; readonly maxMs: number } }
  | { readonly usage: readonly Usage[] }
  | { readonly threadCounts: readonly ThreadCount[] }
  | { readonly left: Remains };
