/** What each node did. */

import type { JobFacts, WorkerFacts } from "./journal_facts.ts";
import { type NodeSlots, SlotCapacity } from "./slot_capacity.ts";
import type { TimeGrid } from "./time_bins.ts";

/** More nodes are put together. */
const NODES_MAX = 4_096;

/** The name under which further nodes are put together. */
const OTHER_NODES = "other nodes";

/** The address of the worker that a run has started itself. */
const THIS_MACHINE = "this machine";

/** A machine, or what the journal knows of one. */
export interface NodeFacts extends NodeSlots {
  readonly name: string;
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
  readonly #nodes = new Map<string, NodeFacts>();
  readonly capacity: SlotCapacity;
  /** Whether runs had no other workers than those that they have started themselves. */
  areOnThisMachine = true;

  constructor(grid: TimeGrid) {
    this.capacity = new SlotCapacity(grid);
  }

  get all(): readonly NodeFacts[] {
    return [...this.#nodes.values()];
  }

  onJob({ node, slot, isDone, runMs, cpuMs, memoryBytes }: JobFacts): void {
    if (node === undefined) return;
    const facts = this.#nodeOf(node);
    if (slot !== undefined) this.capacity.onJob(facts, slot);
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
    const facts = this.#nodeOf(node);
    if (event === "joined") {
      this.areOnThisMachine &&= address === THIS_MACHINE;
      return this.capacity.onJoined(address, facts, slots, atMs);
    }
    this.capacity.onLeft(address, atMs);
    facts.left += 1;
    facts.leftReason = reason;
  }

  #nodeOf(name: string): NodeFacts {
    const key = this.#nodes.size >= NODES_MAX && !this.#nodes.has(name) ? OTHER_NODES : name;
    const known = this.#nodes.get(key);
    if (known) return known;
    const node = {
      name: key,
      slots: 0,
      capacityMs: 0,
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
