/** A node: a worker process, and what replaces it at the same address or host after it has failed jobs. */

import type { EndpointId } from "../../pool/ids.ts";
import { NodeScore } from "./node_score.ts";

/** Whether a node gets jobs. */
export type Standing =
  | { readonly kind: "used" }
  /** It gets no job before `untilMs`. */
  | { readonly kind: "set aside"; untilMs: number }
  /** It gets one job, which decides what follows. */
  | { readonly kind: "on trial" };

/** What a node knows of its worker. */
export interface NodeWorker {
  /** Its address, for people. */
  readonly name: string;
  /** What it is called in reasons of failures: as it calls itself, if it does. */
  readonly label?: string;
  /** What identifies the worker in this run. A process that takes its place has another one. */
  readonly identity: string;
  /** Whose vote its results are. */
  readonly voter: string;
  /** Whether it ends jobs that exceed a limit. Workers of version 1 are not told about limits. */
  readonly hasLimits: boolean;
  /** The history of where it runs: the same for all connections with one address or from one host. */
  readonly history: object;
}

/** One node. Only `Nodes` changes its standing and its connection. */
export class Node {
  readonly score = new NodeScore();
  name: string;
  label: string;
  identity: string;
  voter: string;
  hasLimits: boolean;
  readonly history: object;
  /** Its endpoint in the pool while it is connected. */
  endpoint: EndpointId | undefined;
  /** It is draining: it gets no more jobs. */
  isLeaving = false;
  standing: Standing = { kind: "used" };
  /** It may not have as many jobs in flight as it wants, so that its next pass matters. */
  isRestricted = true;
  /** How long it is set aside the next time. */
  pauseMs: number;
  /** When it was used again last. */
  usedSinceMs = 0;

  constructor({ name, label, identity, voter, hasLimits, history }: NodeWorker, pauseMs: number) {
    this.name = name;
    this.label = label ?? name;
    this.identity = identity;
    this.voter = voter;
    this.hasLimits = hasLimits;
    this.history = history;
    this.pauseMs = pauseMs;
  }

  /** Whether it takes jobs that other nodes have failed. */
  get isUsable(): boolean {
    return this.endpoint !== undefined && !this.isLeaving && this.standing.kind === "used";
  }

  /** Whether jobs have failed there lately that passed elsewhere. */
  get hasFailedGood(): boolean {
    return this.standing.kind !== "used" || this.score.hasRefuted;
  }

  /** Whether a new process with its history takes over its record, as if it were this one. */
  get bindsSuccessor(): boolean {
    return this.standing.kind !== "used" || this.score.isDoubtful || this.score.undecided > 0;
  }
}

/** The names of nodes. */
export function namesOf(nodes: Iterable<Node>): string[] {
  return [...nodes].map(({ name }) => name);
}
