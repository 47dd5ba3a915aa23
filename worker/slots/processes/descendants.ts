/**
 * Ends what slots have started and left behind. The process group of a slot ends with it; this is for processes that
 * have left the group, such as daemons. When their parents have ended, they are children of the worker (on Linux).
 */

import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { Orphans } from "../../../runtime/ports.ts";
import { SLOT_PROCESS } from "../../../system/leftover_processes.ts";

/** A killed process is gone after about this time, and its own children are orphans then. */
const AGAIN_MS = { first: 20, longest: 5_000 };

/** How often orphans that have ended by themselves are removed. Each is only an entry in the system's table. */
const ENDED_MS = 5_000;

/** How long the worker's end waits until what it has killed is gone. */
const CLOSE_LIMIT_MS = 1_000;

/** Who started an orphan. */
type Origin =
  /** The process of the slot with this number. */
  | { readonly kind: "slot"; readonly number: number }
  /** Some slot that was started before it: its environment does not say which. */
  | { readonly kind: "older slot"; readonly startedAt: number }
  | { readonly kind: "foreign" };

/** What the slots of a worker have left behind. */
export class Descendants {
  readonly #orphans: Orphans;
  readonly #clock: Clock;
  readonly #socketPath: string;
  /** Processes of slots that have not ended, by their numbers. */
  readonly #slots = new Map<number, { readonly pid: number; readonly startedAt: number }>();
  readonly #origins = new Map<number, Origin>();
  /** Other processes that the worker has started and waits for. */
  readonly #helpers = new Set<number>();
  /** Whether the worker may get children that no slot has started. */
  readonly #hasForeign: boolean;
  #isClosing = false;
  #again: Timer | undefined;
  #againMs = AGAIN_MS.first;
  readonly #periodic: Timer;

  /** `ownPid`: of the worker. Process 1 of a container is the parent of all orphans there. */
  constructor(orphans: Orphans, clock: Clock, socketPath: string, ownPid: number) {
    this.#orphans = orphans;
    this.#clock = clock;
    this.#socketPath = socketPath;
    // A shell script may have started processes and then become the worker.
    const inherited = orphans.childrenOf();
    for (const pid of inherited) this.#origins.set(pid, { kind: "foreign" });
    this.#hasForeign = ownPid === 1 || inherited.length > 0;
    this.#periodic = clock.every(ENDED_MS, () => this.#sweep());
  }

  /** The worker has started a process that is not a slot, and waits for it itself. */
  onHelper(pid: number): void {
    this.#helpers.add(pid);
  }

  /** A slot's process was started. */
  onStarted(number: number, pid: number): void {
    this.#slots.set(number, { pid, startedAt: this.#orphans.startedAt(pid) ?? 0 });
  }

  /** A slot's process has ended. */
  onEnded(number: number): void {
    this.#slots.delete(number);
    this.#againMs = AGAIN_MS.first;
    this.#sweep();
  }

  /** All slots have ended. Resolves when what they have left is gone, or after a time. */
  async close(): Promise<void> {
    this.#periodic.stop();
    this.#isClosing = true;
    const deadlineMs = this.#clock.now() + CLOSE_LIMIT_MS;
    while (this.#sweep() && this.#clock.now() < deadlineMs) {
      await new Promise<void>((resolve) => this.#clock.after(AGAIN_MS.first, resolve));
    }
    this.#again?.stop();
  }

  /** Kills everything that slots have started, at once: this process is about to exit. */
  kill(): void {
    this.#isClosing = true;
    for (const slot of this.#slots.values()) {
      for (const pid of this.#below(slot.pid)) this.#orphans.kill(pid);
    }
    this.#sweep();
  }

  #below(parent: number): number[] {
    return this.#orphans.childrenOf(parent).flatMap((pid) => [pid, ...this.#below(pid)]);
  }

  /** Kills the orphans of slots that have ended, and removes those that are gone. Returns whether some are not. */
  #sweep(): boolean {
    const children = this.#orphans.childrenOf();
    const own = new Set([...this.#slots.values()].map(({ pid }) => pid)).union(this.#helpers);
    this.#forget(children);
    let areLeft = false;
    for (const pid of children) {
      if (own.has(pid) || this.#orphans.reap(pid) || this.#isWanted(pid)) continue;
      this.#orphans.kill(pid);
      areLeft = true;
    }
    if (areLeft) this.#sweepAgain();
    return areLeft;
  }

  #sweepAgain(): void {
    this.#again?.stop();
    this.#again = this.#clock.after(this.#againMs, () => this.#sweep());
    this.#againMs = Math.min(2 * this.#againMs, AGAIN_MS.longest);
  }

  #forget(children: readonly number[]): void {
    const present = new Set(children);
    for (const pid of this.#origins.keys()) if (!present.has(pid)) this.#origins.delete(pid);
  }

  /** Whether its slot may not have ended. */
  #isWanted(pid: number): boolean {
    const origin = this.#originOf(pid);
    if (origin.kind === "foreign") return true;
    if (this.#isClosing) return false;
    if (origin.kind === "slot") return this.#slots.has(origin.number);
    return [...this.#slots.values()].some(({ startedAt }) => startedAt <= origin.startedAt);
  }

  #originOf(pid: number): Origin {
    const origin = this.#origins.get(pid) ?? this.#find(pid);
    this.#origins.set(pid, origin);
    return origin;
  }

  #find(pid: number): Origin {
    const mark = `${SLOT_PROCESS}=${this.#socketPath}-`;
    const own = this.#orphans.environmentOf(pid)?.find((variable) => variable.startsWith(mark));
    if (own) return { kind: "slot", number: Number(own.slice(mark.length)) };
    if (this.#hasForeign) return { kind: "foreign" };
    return { kind: "older slot", startedAt: this.#orphans.startedAt(pid) ?? 0 };
  }
}
