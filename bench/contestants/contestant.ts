/** What is compared: something that runs echo jobs of one size, as fast as it can. */

/** What is needed to open a contestant. */
export interface Ground {
  /** A temporary folder for its files. */
  readonly folder: string;
  /** The echo core, a shared library. */
  readonly core: string;
  /** How many jobs may run at once. */
  readonly slots: number;
  /** Compiles a C program of `bench/programs`, unless that was done before. Returns its path. */
  compile(name: string, compiler?: string): Promise<string>;
}

/** Runs so many jobs with inputs of `bytes` bytes. Resolves to the seconds that they took. */
export type RunJobs = (jobs: number, bytes: number) => Promise<number>;

/** A contestant that is ready to run. */
export interface Contestant {
  readonly measure: Measure;
  close?(): Promise<void>;
}

/** How a contestant is measured. */
export type Measure =
  /** It runs as many jobs as take the time that a measurement should take. */
  | { readonly kind: "jobs"; readonly run: RunJobs }
  /**
   * A whole program. It runs so many jobs, whatever their rate, because each number needs files of its own. What a run
   * of one job takes is its start, which is measured too and shown by itself: others start before they are measured.
   */
  | {
    readonly kind: "whole runs";
    readonly run: RunJobs;
    readonly jobs: (bytes: number) => number;
  }
  /** It measures for this long, and says how many jobs it has run each second. */
  | { readonly kind: "time"; readonly rate: (bytes: number, seconds: number) => Promise<number> };

/** A contestant by name. */
export interface Entry {
  /** In tables and in `--only`. */
  readonly name: string;
  readonly group: "limit" | "distcomp" | "peer";
  /** What it does, for people. */
  readonly what: string;
  /** The smallest and the largest input that it is measured with. Default: any. */
  readonly bytesMin?: number;
  readonly bytesMax?: number;
  /** Rejects with a `MissingError` if this machine lacks it. */
  open(ground: Ground): Promise<Contestant>;
}

/** Something that a contestant needs is not installed. */
export class MissingError extends Error {
  override name = "MissingError";
}

/** As many jobs in flight as the measurements of the past had: 256 to each place, but not more than some bytes. */
export function windowOf(bytes: number, places: number): number {
  const IN_FLIGHT_BYTES_MAX = 4 * 1024 * 1024;
  return places * Math.max(2, Math.min(256, Math.floor(IN_FLIGHT_BYTES_MAX / Math.max(1, bytes))));
}
