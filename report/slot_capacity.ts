/**
 * How many slots there were over time: workers say it when they join, and of a run without their lines, the slots that
 * ran a job count.
 */

import { TimeBins, type TimeGrid } from "./time_bins.ts";

/** Workers that are there at the same time. */
const WORKERS_MAX = 65_536;

/** Slots that are counted because they ran a job. */
const SEEN_MAX = 16_384;

/** What is counted of a node. */
export interface NodeSlots {
  /** The most slots that it had at once; 0 if the journal does not say it. */
  slots: number;
  /** Slots × milliseconds. */
  capacityMs: number;
}

/** The slots of a node in the current run. */
interface SlotsNow {
  slots: number;
  /** Up to when they are in the node's `capacityMs`. */
  countedToMs: number;
}

/** The slots of all nodes. Times are those of the report. */
export class SlotCapacity {
  /** Slots over time: slots × milliseconds. */
  readonly series: TimeBins;
  /** The same in all. */
  ms = 0;
  /** The most at once. */
  slotsMax = 0;
  /** How long there was no worker, behind the first one of each run. */
  lackMs = 0;
  readonly #grid: TimeGrid;
  /** The workers that are connected now, by their addresses. */
  readonly #workers = new Map<string, { readonly node: NodeSlots; readonly slots: number }>();
  readonly #now = new Map<NodeSlots, SlotsNow>();
  #slots = 0;
  #countedToMs = 0;
  #runFromMs = 0;
  /** Whether a worker of the current run has said how many slots it has. */
  #isSaid = false;
  /** Since when the current run has no worker any more. */
  #lacksSinceMs: number | undefined;
  /** Slots that ran a job in a run of which nobody says what slots it had. */
  readonly #seen = new Map<NodeSlots, Set<number>>();
  #seenCount = 0;
  /** Whether there was such a run. */
  hasUnsaid = false;

  constructor(grid: TimeGrid) {
    this.#grid = grid;
    this.series = new TimeBins(grid);
  }

  onJoined(address: string, node: NodeSlots, slots: number, atMs: number): void {
    this.onLeft(address, atMs);
    this.#onWorkers(atMs);
    if (this.#workers.size >= WORKERS_MAX) return;
    this.#workers.set(address, { node, slots });
    this.#isSaid ||= slots > 0;
    this.#add(node, slots, atMs);
  }

  onLeft(address: string, atMs: number): void {
    const worker = this.#workers.get(address);
    if (!worker) return;
    this.#workers.delete(address);
    this.#add(worker.node, -worker.slots, atMs);
    if (this.#workers.size === 0) this.#lacksSinceMs = atMs;
  }

  /** A slot of a node has run a job. */
  onJob(node: NodeSlots, slot: number): void {
    if (this.#isSaid || this.#seenCount >= SEEN_MAX) return;
    const slots = this.#seen.get(node) ?? new Set();
    this.#seen.set(node, slots);
    const before = slots.size;
    this.#seenCount += slots.add(slot).size - before;
  }

  /** A run has ended, or another one begins: its workers are gone. */
  onRunEnd(atMs: number): void {
    if (!this.#isSaid && this.#seenCount > 0) this.#countSeen(atMs);
    this.#count(atMs);
    this.#onWorkers(atMs);
    for (const [node, now] of this.#now) countNode(node, now, atMs);
    for (const map of [this.#workers, this.#now, this.#seen]) map.clear();
    this.#slots = this.#seenCount = 0;
    this.#countedToMs = this.#runFromMs = atMs;
    this.#isSaid = false;
  }

  /** There are workers again, or nobody waits for them. */
  #onWorkers(atMs: number): void {
    if (this.#lacksSinceMs !== undefined) this.lackMs += Math.max(0, atMs - this.#lacksSinceMs);
    this.#lacksSinceMs = undefined;
  }

  #countSeen(toMs: number): void {
    this.hasUnsaid = true;
    for (const [node, slots] of this.#seen) this.#add(node, slots.size, this.#runFromMs);
    this.#count(toMs);
  }

  #add(node: NodeSlots, slots: number, atMs: number): void {
    this.#count(atMs);
    const now = this.#now.get(node) ?? { slots: 0, countedToMs: atMs };
    this.#now.set(node, now);
    countNode(node, now, atMs);
    now.slots += slots;
    node.slots = Math.max(node.slots, now.slots);
    this.#slots += slots;
    this.slotsMax = Math.max(this.slotsMax, this.#slots);
  }

  #count(toMs: number): void {
    if (toMs <= this.#countedToMs) return;
    if (this.#slots > 0) {
      this.#grid.fit(toMs);
      this.series.addSpan(this.#countedToMs, toMs, this.#slots);
      this.ms += (toMs - this.#countedToMs) * this.#slots;
    }
    this.#countedToMs = toMs;
  }
}

function countNode(node: NodeSlots, now: SlotsNow, toMs: number): void {
  if (toMs <= now.countedToMs) return;
  node.capacityMs += (toMs - now.countedToMs) * now.slots;
  now.countedToMs = toMs;
}
