/** Where a failed job is tried next: which nodes it must or should avoid. */

import type { EndpointId } from "../../pool/ids.ts";
import type { AntiAffinity, Job } from "../../pool/job.ts";
import { FAILED_NODES_MAX } from "./failure_rules.ts";
import type { Node } from "./node.ts";
import type { Nodes } from "./nodes.ts";

/**
 * How many jobs may wait until a node has proven itself, even if there is something against all nodes. If more do, the
 * core is probably bad, and jobs have to fail.
 */
const WAITING_MAX = 64;

/** Finds nodes for failed jobs. */
export class Placement<T> {
  readonly #nodes: Nodes;
  /** Jobs that wait until a node has proven itself. */
  readonly #waiting = new Set<T>();

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
  }

  /** The job waits for no node any more. */
  forget(task: T): void {
    this.#waiting.delete(task);
  }

  /**
   * On one of `others`, or on none yet. `isFree`: it may take the place of another job. If not, it waits for a
   * slot that has nothing else to do.
   */
  elsewhere(task: T, others: readonly Node[], failedNodes: number, isFree: boolean): AntiAffinity {
    this.#waiting.delete(task);
    const fit = this.#fit(others, failedNodes);
    const allowed = isFree ? fit : fit.filter((node) => this.#nodes.hasIdleSlot(node));
    if (allowed.length === 0) this.#waiting.add(task);
    return this.#only(allowed);
  }

  /** Whether a job waits, and a slot has nothing to do. */
  get isReviewDue(): boolean {
    if (this.#waiting.size === 0) return false;
    return this.#nodes.usable.some((node) => this.#nodes.hasIdleSlot(node));
  }

  /**
   * The nodes among `others` whose word counts: those with nothing against them. The last try goes to a trusted
   * one; if there is none yet, it waits while nodes are busy, because their jobs show what they are worth.
   */
  #fit(others: readonly Node[], failedNodes: number): readonly Node[] {
    const clean = others.filter(({ score }) => !score.isDoubtful);
    if (clean.length > 0 && failedNodes < FAILED_NODES_MAX - 1) return clean;
    const reliable = this.#nodes.reliableOf(others);
    if (reliable.length > 0) return reliable;
    const mayWait = clean.length > 0 || this.#waiting.size < WAITING_MAX;
    if (mayWait && !others.every((node) => this.#nodes.hasIdleSlot(node))) return [];
    const best = Math.max(...others.map(({ score }) => score.passedPerFailed));
    return others.filter(({ score }) => score.passedPerFailed === best);
  }

  /** On none of the nodes that are connected now. */
  nowhere(): AntiAffinity {
    return this.#only([]);
  }

  /**
   * On any node, but preferably on one where the job has not failed, and not on an `unfit` one. It never runs for
   * one of the `voters` again.
   */
  anywhere(
    job: Job<T>,
    failed: readonly Node[],
    unfit: readonly Node[],
    voters: readonly string[],
  ): AntiAffinity {
    const { connected, usable } = this.#nodes;
    if (voters.length > 0) {
      const avoided = connected.filter(({ voter }) => voters.includes(voter));
      return { endpoints: endpointsOf(avoided), isRequired: true };
    }
    const avoided = [...new Set([...failed, ...unfit])];
    const hasOther = usable.some((node) => !avoided.includes(node));
    if (hasOther) return { endpoints: endpointsOf(avoided), isRequired: false };
    if (unfit.length > 0) return { endpoints: endpointsOf(unfit), isRequired: false };
    // It has failed on all of them: at least not on the same one twice in a row.
    const last = "endpoint" in job && job.endpoint !== undefined ? [job.endpoint] : [];
    return { endpoints: last, isRequired: false };
  }

  #only(allowed: readonly Node[]): AntiAffinity {
    const some = new Set(allowed); // there may be thousands
    const avoided = this.#nodes.connected.filter((node) => !some.has(node));
    return { endpoints: endpointsOf(avoided), isRequired: true };
  }
}

/** Whether two anti-affinities are the same. */
export function isSame(one: AntiAffinity, other: AntiAffinity): boolean {
  return one.isRequired === other.isRequired &&
    one.endpoints.length === other.endpoints.length &&
    one.endpoints.every((endpoint, index) => endpoint === other.endpoints[index]);
}

export function endpointsOf(nodes: readonly Node[]): EndpointId[] {
  return nodes.flatMap(({ endpoint }) => endpoint ?? []).sort((one, other) => one - other);
}
