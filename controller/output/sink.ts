/** Takes outputs, one after another, and writes them into a folder or a pack. Their records go to the journal. */

import type { HugeOutputs } from "../huge_outputs.ts";
import type { HugeOutput } from "./huge_output.ts";

/** Where the entry of an output lies in a pack. */
export interface PackPlace {
  /** Where it begins, in bytes. */
  readonly packAt: number;
  readonly packBytes: number;
}

/** Adds an output to a pack that took a while to convert. Its record follows at once: records are in the order of entries. */
export type AddEntry = () => PackPlace;

/** Counts what is being written, so that workers wait for a slow disk. */
export interface Backlog {
  onBegun(bytes: number): void;
  onEnded(bytes: number): void;
}

/** Lends memory, and gets back that of outputs. */
export interface OutputMemory {
  /** Memory with any content; `undefined` if there is none of this size. */
  take(bytes: number): Uint8Array<ArrayBuffer> | undefined;
  /** Nobody needs this output any more. */
  give(output: Uint8Array): void;
}

/** Outputs that are written in batches, each before the records of its outputs. */
export interface BatchedOutputs {
  /** Resolves when everything that was committed before is written. */
  write(): Promise<void>;
  /** Resolves when everything that was written before survives a power failure. */
  sync(): Promise<void>;
}

/** Takes the outputs of a run. */
export interface OutputSink {
  /**
   * Takes an output. Returns a promise if it is not written by then and its record has to wait. Throws or rejects with
   * an `OutputNameError` if only this output cannot be taken, or with a `SinkError`. A promise of a pack resolves to what
   * adds the output.
   */
  commit(name: string, output: Uint8Array): Promise<AddEntry | void> | void;
  /** Takes outputs as they arrive that are too large to be in memory; missing where that is not possible. */
  hugeOutputs?(areHashed: boolean): HugeOutputs<HugeOutput>;
  /** Takes one of these when it is whole. Rejects like `commit`. */
  commitHuge?(name: string, output: HugeOutput): Promise<void>;
  /** A pack: where the output lies that was committed last, without a promise. Its record says so. */
  readonly place?: PackPlace | undefined;
  /** A pack: counts its writes in a backlog, and gives back the memory of outputs that are written. */
  countIn?(backlog: Backlog, memory: OutputMemory | undefined): void;
  /** A pack that is closed: how many of the outputs that it took are not in it, because it could not be written. */
  readonly lostOutputs?: number;
  /**
   * Removes the output of an earlier run, because the job has now failed. Resolves to the path of what stays there
   * because no run is known to have written it.
   */
  remove(name: string): Promise<string | void>;
  close(): Promise<void>;
}
