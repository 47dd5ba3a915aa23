/**
 * What is known of the outputs of each worker in a run that verifies some of its jobs: how many were wrong, and how many
 * were accepted unseen. It outlasts connections, because a worker that gives wrong outputs may be lost, or come back.
 */

import type { WrongWorker } from "./verified_counts.ts";

/** The most workers that are named: as many as are listed of a run anywhere. With more, the core is the cause. */
const WRONG_MAX = 1_000;

/** Who has given an output. */
export interface OutputSource {
  /** What identifies the worker in this run. */
  readonly identity: string;
  /** What messages call it. */
  readonly worker: string;
  /** The name of its node. */
  readonly node: string;
}

/** What is known of one worker. */
interface VoterRecord {
  worker: string;
  readonly nodes: Set<string>;
  outvoted: number;
  unverified: number;
}

/** All workers that have given outputs which count here. */
export class VoterRecords {
  readonly #byIdentity = new Map<string, VoterRecord>();
  readonly #wrong = new Set<VoterRecord>();

  /** The workers that were outvoted, the first ones. */
  get wrong(): WrongWorker[] {
    return [...this.#wrong].map((record) => ({ ...record, nodes: [...record.nodes] }));
  }

  /** An output was accepted that nobody has verified. */
  onUnverified(source: OutputSource): void {
    this.#of(source).unverified += 1;
  }

  /** An output differs from that of two other workers. */
  onOutvoted(source: OutputSource): Pick<WrongWorker, "outvoted" | "unverified"> {
    const record = this.#of(source);
    record.outvoted += 1;
    if (this.#wrong.size < WRONG_MAX) this.#wrong.add(record);
    return record;
  }

  #of({ identity, worker, node }: OutputSource): VoterRecord {
    let record = this.#byIdentity.get(identity);
    if (!record) {
      record = { worker, nodes: new Set(), outvoted: 0, unverified: 0 };
      this.#byIdentity.set(identity, record);
    }
    record.worker = worker;
    record.nodes.add(node);
    return record;
  }
}
