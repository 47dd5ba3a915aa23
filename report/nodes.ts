/** What each node did, and how many slots there were over time. */

import type { JobFacts, WorkerFacts } from "./journal_facts.ts";
import { TimeBins, type TimeGrid } from "./time_bins.ts";

/** More nodes are put together. */
const NODES_MAX = 4_096;

/** Workers that are there at the same time. */
const WORKERS_MAX = 65_536;

/** The name under which further nodes are put together. */
export const OTHER_NODES = "other nodes";

/** A machine, or what the journal knows of one. */
export interface NodeFacts {
  readonly name: string;
  /** The most slots that it had at once; 0 if the journal does not say it. */
  slots: number;
  jobs: number;
  failed: number;
  /** The time in the core, and the jobs of which it is known. */
  runMs: number;
  runs: number;
  cpuMs: number;
  memoryBytes: number;
  /** How often a worker of it left while a run went on, and why it did so last. */
  left: number;
  leftReason: string;
}

/** The nodes of all runs. */
export class Nodes {
  readonly #grid: TimeGrid;
  readonly #nodes = new Map<string, NodeFacts>();
  /** The workers that are connected now, by their addresses. */
  readonly #workers = new Map<string, { readonly node: string; readonly slots: number }>();
  readonly #slotsNow = new Map<string, number>();
  /** Slots over time: slots × milliseconds. */
  readonly capacity: TimeBins;
  capacityMs = 0;
  slotsMax = 0;
  #slots = 0;
  #countedToMs = 0;

  constructor(grid: TimeGrid) {
    this.#grid = grid;
    this.capacity = new TimeBins(grid);
  }

  get all(): readonly NodeFacts[] {
    return [...this.#nodes.values()];
  }

  onJob({ node, isDone, runMs, cpuMs, memoryBytes }: JobFacts): void {
    if (node === undefined) return;
    const facts = this.#nodeOf(node);
    facts.jobs += 1;
    if (!isDone) facts.failed += 1;
    facts.cpuMs += cpuMs ?? 0;
    facts.memoryBytes = Math.max(facts.memoryBytes, memoryBytes ?? 0);
    if (runMs === undefined) return;
    facts.runMs += runMs;
    facts.runs += 1;
  }

  /** A worker has joined or left, at a time of the report. */
  onWorker({ event, node, address, slots, reason }: WorkerFacts, atMs: number): void {
    this.#count(atMs);
    this.#remove(address);
    const facts = this.#nodeOf(node);
    if (event === "left") {
      facts.left += 1;
      facts.leftReason = reason;
      return;
    }
    if (this.#workers.size >= WORKERS_MAX) return;
    this.#workers.set(address, { node: facts.name, slots });
    this.#slots += slots;
    this.slotsMax = Math.max(this.slotsMax, this.#slots);
    const slotsNow = (this.#slotsNow.get(facts.name) ?? 0) + slots;
    this.#slotsNow.set(facts.name, slotsNow);
    facts.slots = Math.max(facts.slots, slotsNow);
  }

  /** A run has ended, or another one begins: its workers are gone. */
  onRunEnd(atMs: number): void {
    this.#count(atMs);
    this.#workers.clear();
    this.#slotsNow.clear();
    this.#slots = 0;
    this.#countedToMs = atMs;
  }

  #count(toMs: number): void {
    if (toMs <= this.#countedToMs) return;
    if (this.#slots > 0) {
      this.#grid.fit(toMs);
      this.capacity.addSpan(this.#countedToMs, toMs, this.#slots);
      this.capacityMs += (toMs - this.#countedToMs) * this.#slots;
    }
    this.#countedToMs = toMs;
  }

  #remove(address: string): void {
    const worker = this.#workers.get(address);
    if (!worker) return;
    this.#workers.delete(address);
    this.#slots -= worker.slots;
    this.#slotsNow.set(worker.node, (this.#slotsNow.get(worker.node) ?? 0) - worker.slots);
  }

  #nodeOf(name: string): NodeFacts {
    const key = this.#nodes.size >= NODES_MAX && !this.#nodes.has(name) ? OTHER_NODES : name;
    const known = this.#nodes.get(key);
    if (known) return known;
    const node = {
      name: key,
      slots: 0,
      jobs: 0,
      failed: 0,
      runMs: 0,
      runs: 0,
      cpuMs: 0,
      memoryBytes: 0,
      left: 0,
      leftReason: "",
    };
    this.#nodes.set(key, node);
    return node;
  }
}
