/**
 * The nodes of a cluster, and which of them are set aside: a node on which jobs fail that pass elsewhere gets no
 * jobs for a while, then one job on trial. The last usable node is never set aside.
 */

import { SLOTS_BELIEVED } from "../../pool/pace.ts";
import type { EndpointId } from "../../pool/ids.ts";
import type { Log } from "../../system/log.ts";
import { Node, type NodeWorker } from "./node.ts";
import { bitsOfFailure, FAILING_PART, partOf, RELIABLE_SCORE } from "./node_score.ts";
import { RunCounts } from "./run_counts.ts";

/** A node may be set aside once this many jobs failed there and passed elsewhere. One may be chance. */
const REFUTED_MIN = 2;

/** Such failures must be this many times as frequent as on proven nodes: jobs may fail now and then anywhere. */
const REFUTED_RATIO = 2;

/** How long a node is set aside: twice as long each time, so that a broken one costs ever fewer jobs. */
const PAUSE_MS_FIRST = 10_000;
const PAUSE_MS_MAX = 600_000;

/** If no other node could be used for this long, the nodes that are set aside are used after all. */
const NONE_USABLE_MS = 10_000;

/** A node gets no more jobs at once before its first job has passed. */
const FIRST_JOBS_MAX = SLOTS_BELIEVED;

/** How many nodes that are gone are remembered. */
const GONE_NODES_MAX = 1_000;

/** What the nodes need from their owner. */
export interface NodeActions {
  /** Limits how many jobs the endpoint has in flight. */
  limit(endpoint: EndpointId, jobsMax: number): void;
  /** How many jobs the endpoint has in flight. */
  inFlightAt(endpoint: EndpointId): number;
  /** Whether the endpoint has a slot for which there is no job. */
  hasIdleSlot(endpoint: EndpointId): boolean;
}

/** All nodes of a cluster. */
export class Nodes {
  readonly run = new RunCounts();
  readonly #actions: NodeActions;
  readonly #log: Log;
  /** How many nodes must stay in use: two, where two have to agree. */
  readonly #usableMin: number;
  readonly #nodes = new Set<Node>();
  #noneUsableSinceMs: number | undefined;
  /** Something has changed that decides where failed jobs may run. */
  hasChanged = false;

  constructor(actions: NodeActions, log: Log, usableMin = 1) {
    this.#actions = actions;
    this.#log = log;
    this.#usableMin = usableMin;
  }

  /** The connected nodes. */
  get connected(): Node[] {
    return [...this.#nodes].filter(({ endpoint }) => endpoint !== undefined);
  }

  /** The nodes that may get jobs that have failed elsewhere. */
  get usable(): Node[] {
    return [...this.#nodes].filter(({ isUsable }) => isUsable);
  }

  /** How much a failure counts against a node: little if nodes that have proven themselves fail many jobs, too. */
  #failureBits(node: Node): number {
    let failed = 0, answers = 0;
    for (const other of this.usable) {
      const { score } = other;
      if (other === node || !score.isComparable) continue;
      failed += score.firstFailed;
      answers += score.firstTries;
    }
    // Bad nodes could vouch for each other, as long as no job is known to fail on more than one node.
    if (answers === 0 || this.run.confirmed === 0) return bitsOfFailure(FAILING_PART);
    return bitsOfFailure(partOf(failed, answers));
  }

  /** Whether recent jobs show that a node is good, compared with the best one. */
  isReliable(node: Node): boolean {
    return this.reliableOf([node]).length > 0;
  }

  /** Those of some nodes that are. The best one is looked for once: there may be thousands of nodes. */
  reliableOf(some: readonly Node[]): Node[] {
    let part = 1;
    for (const { score } of this.usable) part = Math.min(part, score.failingPart);
    return some.filter(({ score }) =>
      !score.hasRefuted && score.reliability(part) >= RELIABLE_SCORE
    );
  }

  /**
   * Whether a job may be a good one although it has failed on these nodes: one of them has failed good jobs, and they
   * have not passed enough jobs to be believed.
   */
  areDoubted(nodes: readonly Node[]): boolean {
    if (!nodes.some(({ hasFailedGood }) => hasFailedGood)) return false;
    const bits = nodes.reduce((sum, { score }) => sum + Math.max(0, score.value), 0);
    return bits < RELIABLE_SCORE;
  }

  /** Whether a node has a slot for which there is no other job. */
  hasIdleSlot({ endpoint }: Node): boolean {
    return endpoint !== undefined && this.#actions.hasIdleSlot(endpoint);
  }

  /** A worker can be used. */
  onReady(worker: NodeWorker, endpoint: EndpointId, nowMs: number): Node {
    const known = this.#find(worker);
    const node = known ?? new Node(worker, PAUSE_MS_FIRST);
    if (known && known.identity !== worker.identity) this.#onRestarted(known, nowMs);
    node.name = worker.name;
    node.label = worker.label ?? worker.name;
    node.identity = worker.identity;
    node.voter = worker.voter;
    node.hasLimits = worker.hasLimits;
    node.endpoint = endpoint;
    node.isLeaving = false;
    this.#nodes.delete(node); // the last in the order is the one that was connected last
    this.#nodes.add(node);
    this.#forgetOldest();
    if (node.standing.kind === "on trial") node.standing = { kind: "set aside", untilMs: nowMs };
    this.#limit(node, node.standing.kind === "used" ? FIRST_JOBS_MAX : 0);
    this.hasChanged = true;
    return node;
  }

  /** The worker starts no more jobs. */
  onLeaving(node: Node): void {
    node.isLeaving = true;
    this.hasChanged = true;
  }

  /** The worker is disconnected. One that was draining may have connected again before, as another endpoint. */
  onGone(node: Node, endpoint: EndpointId): void {
    if (node.endpoint !== endpoint) return;
    node.endpoint = undefined;
    this.hasChanged = true;
  }

  /** A job has passed. This is called for every job. `isFirst`: it has failed on no other node. */
  onPassed(node: Node, isFirst: boolean, nowMs: number): void {
    const { score } = node;
    const wasProven = score.isProven;
    score.onPassed(isFirst);
    if (node.isRestricted) this.#onRestrictedPassed(node, nowMs);
    if (!wasProven && score.isProven) this.hasChanged = true;
  }

  /** A job has failed. One of the four events below follows when it is decided. */
  onFailed(node: Node, isFirst: boolean, nowMs: number): void {
    const bits = this.#failureBits(node);
    this.#rescore(node, () => node.score.onFailed(bits, isFirst));
    if (node.standing.kind === "on trial") this.#pause(node, nowMs);
  }

  /** A job has failed, on these nodes. */
  onJobFailed(nodes: readonly Node[], nowMs: number): void {
    const [node] = nodes;
    if (node && nodes.length === 1) return this.onAccepted(node);
    this.run.confirmed += 1;
    for (const node of nodes) this.onConfirmed(node, nowMs);
  }

  /** A job that failed there has failed on other nodes, too. */
  onConfirmed(node: Node, nowMs: number): void {
    this.#rescore(node, () => node.score.onConfirmed(this.run.done === 0));
    // Its trial has told nothing: the job was a bad one.
    if (node.standing.kind === "set aside" && node.score.undecided === 0) {
      node.standing.untilMs = Math.min(node.standing.untilMs, nowMs + PAUSE_MS_FIRST);
    }
  }

  /** A job that failed there has failed, and no other node was asked. */
  onAccepted(node: Node): void {
    this.#rescore(node, () => node.score.onAccepted());
  }

  /** Nobody will know whose fault the failure of a job was. */
  onForgotten(node: Node): void {
    this.#rescore(node, () => node.score.onForgotten());
  }

  /** A job that failed there, for this reason, has passed on another node. */
  onRefuted(node: Node, reason: string, nowMs: number): void {
    this.#rescore(node, () => node.score.onRefuted());
    if (node.standing.kind !== "used" || !this.#standsOut(node)) return;
    if (nowMs - node.usedSinceMs > PAUSE_MS_MAX) node.pauseMs = PAUSE_MS_FIRST;
    const { refuted } = node.score;
    const seconds = node.pauseMs / 1000;
    this.#pause(node, nowMs);
    this.#log.warn(
      `worker ${node.name} is set aside: ${refuted} jobs that failed there passed elsewhere ` +
        `(${reason}); it gets one job in ${seconds}s, as a trial`,
    );
  }

  /** Weighs undecided failures anew, as more is known about the jobs. */
  reweigh(): void {
    for (const node of this.#nodes) {
      if (node.score.undecided > 0) node.score.reweigh(this.#failureBits(node));
    }
  }

  /** Starts trials, and uses nodes that are set aside when there are no others. */
  onTick(nowMs: number): void {
    const aside = this.connected.filter(({ standing }) => standing.kind !== "used");
    if (aside.length === 0) {
      this.#noneUsableSinceMs = undefined;
      return;
    }
    if (this.usable.length >= this.#usableMin) this.#noneUsableSinceMs = undefined;
    else this.#noneUsableSinceMs ??= nowMs;
    const isLong = nowMs - (this.#noneUsableSinceMs ?? nowMs) >= NONE_USABLE_MS;
    for (const node of aside) {
      if (isLong) this.#use(node, nowMs, "no other worker is left: it is used again");
      else if (this.#isTrialDue(node, nowMs)) {
        node.standing = { kind: "on trial" };
        this.#limit(node, 1);
      }
    }
  }

  #isTrialDue(node: Node, nowMs: number): boolean {
    const { standing, endpoint } = node;
    if (standing.kind !== "set aside" || nowMs < standing.untilMs) return false;
    // A job that it got before would be taken for the trial.
    return endpoint !== undefined && this.#actions.inFlightAt(endpoint) === 0;
  }

  /** The node of this worker: the same process, or one with its history that is gone and has failed jobs. */
  #find({ identity, history }: NodeWorker): Node | undefined {
    let former: Node | undefined;
    for (const node of this.#nodes) {
      if (node.identity === identity) return node;
      if (node.history === history && node.endpoint === undefined && node.bindsSuccessor) {
        former = node;
      }
    }
    return former;
  }

  /** Another process runs there now. Perhaps somebody has repaired it, so that its trial need not wait for long. */
  #onRestarted({ standing }: Node, nowMs: number): void {
    if (standing.kind !== "set aside") return;
    standing.untilMs = Math.min(standing.untilMs, nowMs + PAUSE_MS_FIRST);
  }

  #forgetOldest(): void {
    if (this.#nodes.size <= GONE_NODES_MAX) return; // most often, and counting takes time
    let left = this.#nodes.size - this.connected.length - GONE_NODES_MAX;
    for (const node of this.#nodes) {
      if (left <= 0) return;
      if (node.endpoint !== undefined) continue;
      this.#nodes.delete(node);
      left -= 1;
    }
  }

  #onRestrictedPassed(node: Node, nowMs: number): void {
    if (node.standing.kind === "set aside") return; // it had the job before
    if (node.standing.kind === "on trial") {
      this.#use(node, nowMs, "it has passed a job and is used again");
    } else this.#limit(node, Infinity);
  }

  #use(node: Node, nowMs: number, why: string): void {
    node.standing = { kind: "used" };
    node.usedSinceMs = nowMs;
    node.score.reset();
    this.#limit(node, Infinity);
    this.hasChanged = true;
    this.#log.info(`worker ${node.name}: ${why}`);
  }

  #pause(node: Node, nowMs: number): void {
    node.standing = { kind: "set aside", untilMs: nowMs + node.pauseMs };
    node.pauseMs = Math.min(2 * node.pauseMs, PAUSE_MS_MAX);
    this.#limit(node, 0);
    this.hasChanged = true;
  }

  #limit(node: Node, jobsMax: number): void {
    node.isRestricted = jobsMax !== Infinity;
    if (node.endpoint !== undefined) this.#actions.limit(node.endpoint, jobsMax);
  }

  /** Changes the score. Failed jobs are placed anew only if that changes what the node may do for them. */
  #rescore({ score }: Node, change: () => void): void {
    const { isDoubtful, isProven } = score;
    change();
    if (score.isDoubtful !== isDoubtful || score.isProven !== isProven) this.hasChanged = true;
  }

  /** Whether jobs fail there that pass elsewhere, and far more often than on nodes that have proven themselves. */
  #standsOut(node: Node): boolean {
    const { recentRefuted, recentAnswers, isDoubtful } = node.score;
    if (!isDoubtful || recentRefuted < REFUTED_MIN) return false;
    const others = this.usable.filter((other) => other !== node);
    const proven = others.filter(({ score }) => score.isProven);
    if (proven.length === 0 || others.length < this.#usableMin) return false;
    let refuted = 1, answers = 1;
    for (const { score } of proven) {
      refuted += score.recentRefuted;
      answers += score.recentAnswers;
    }
    return recentRefuted / recentAnswers > REFUTED_RATIO * refuted / answers;
  }
}
