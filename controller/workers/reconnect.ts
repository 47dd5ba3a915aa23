/** An address that is dialed during the whole run: when to dial again, and whether the run waits for it. */

import { Backoff } from "../../link/backoff.ts";
import type { Clock, Random, Timer } from "../../runtime/clock.ts";
import { RUN_WAIT_POLICY, type WaitPolicy } from "./wait_policy.ts";
import { WorkerHistory } from "./worker_history.ts";

/** The limit for one attempt to connect. */
export const DIAL_MS_MAX = 10_000;

/**
 * How often an unusable worker is dialed again: disks get free space again and nodes are repaired during a long
 * run. Often enough for an administrator who waits for it, and seldom enough to send a core each time.
 */
export const UNUSABLE_RETRY_MS = 30_000;

/** How an attempt to use a worker has ended. */
export type AttemptEnd =
  /** The worker may accept another version of the protocol. */
  | { readonly kind: "renegotiate" }
  | Failure;

/** `failed`: there was no connection, or it was lost. `unusable`: the worker cannot be used. */
interface Failure {
  readonly kind: "failed" | "unusable";
  readonly reason: string;
  /** Whether the worker had been ready. If so, its loss is already reported. */
  readonly wasReady: boolean;
  /** Whether it had answered jobs, or stayed connected for long enough. */
  readonly wasUseful: boolean;
  /** Whether it has left in order: it was draining. */
  readonly hasLeft: boolean;
}

/** The state of the connection with the worker at the address. */
type Connection =
  /** The connection is not open yet, or the worker has not described itself yet. */
  | { readonly kind: "dialing"; readonly redial: Redial }
  | { readonly kind: "connected"; readonly redial: Redial }
  | { readonly kind: "waiting"; readonly timer: Timer }
  /** The address is not dialed again. */
  | { readonly kind: "removed" };

/** When to dial again after the current connection has ended. */
type Redial = "after a pause" | "at once";

/** Whether the run waits for a worker at the address. */
type Prospect =
  | { readonly kind: "expected"; readonly untilMs: number }
  /** No longer, until a worker has connected, or has even loaded the core. The address is still dialed. */
  | {
    readonly kind: "given up";
    readonly reason: string;
    readonly until: "connected" | "loaded";
    /** Until when the run waited. This holds again once the worker is back. */
    readonly untilMs: number;
  };

/** What an address needs from its owner. */
export interface AddressActions {
  /** Dials. `onReady` or `onEnded` follows. */
  dial(): void;
  /** The run no longer waits for this address. */
  onGivenUp(): void;
  /** Reports a new problem: `failed` if the worker cannot be reached, `unusable` if it cannot be used. */
  report(kind: "failed" | "unusable", reason: string): void;
}

/** One address that is dialed again and again. */
export class ReconnectingAddress {
  readonly history = new WorkerHistory();
  readonly #clock: Clock;
  readonly #actions: AddressActions;
  readonly #backoff: Backoff;
  readonly #giveUpMs: number;
  readonly #returnMs: number;
  #problem: string | undefined;
  #connection: Connection = { kind: "dialing", redial: "after a pause" };
  #prospect: Prospect;
  /** The instance of the worker at this address, if it is already connected through another address. */
  #duplicateOf: string | undefined;
  /** How long the run was still to wait for it when that was found. */
  #duplicateLeftMs = 0;
  /** When a worker here was lost that was useful, and has neither refused nor left in order since. */
  #lostAtMs: number | undefined;

  constructor(
    readonly name: string,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
    actions: AddressActions,
    { giveUpMs, redialMsMax, returnMs = 0 }: WaitPolicy = RUN_WAIT_POLICY,
  ) {
    this.#giveUpMs = giveUpMs;
    this.#returnMs = returnMs;
    this.#clock = clock;
    this.#actions = actions;
    this.#backoff = new Backoff(() => random.fraction(), redialMsMax);
    this.#prospect = this.#expectedFor(this.#giveUpMs);
  }

  /** Why the run no longer waits for it; `undefined` if it does. */
  get givenUpReason(): string | undefined {
    return this.#prospect.kind === "given up" ? this.#prospect.reason : undefined;
  }

  /** How the last attempt has failed, if one has. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Until when a useful worker that is out of reach may return; `undefined` if there is none, or it is too late. */
  get returnsUntilMs(): number | undefined {
    if (this.#lostAtMs === undefined || this.isConnected || this.isRemoved) return undefined;
    const untilMs = this.#lostAtMs + this.#returnMs;
    return this.#clock.now() < untilMs ? untilMs : undefined;
  }

  get isConnected(): boolean {
    return this.#connection.kind === "connected";
  }

  get isRemoved(): boolean {
    return this.#connection.kind === "removed";
  }

  /** Dials for the first time. */
  start(): void {
    this.#actions.dial();
  }

  /** Stops dialing. */
  remove(): void {
    if (this.#connection.kind === "waiting") this.#connection.timer.stop();
    this.#connection = { kind: "removed" };
  }

  /** The user has added it again, perhaps after a repair. If it was given up, the run waits for it again. */
  onNamed(): void {
    if (this.#prospect.kind === "expected") return;
    this.#prospect = this.#expectedFor(this.#giveUpMs);
    this.#redialSoon();
  }

  /** The worker has described itself and can be used. */
  onReady(): void {
    if (this.#connection.kind !== "dialing") return;
    this.#connection = { kind: "connected", redial: this.#connection.redial };
    if (this.#prospect.kind === "given up" && this.#prospect.until === "connected") this.#onBack();
  }

  /** The worker has loaded the core. */
  onCoreLoaded(): void {
    if (this.#prospect.kind === "given up") this.#onBack();
  }

  /** The run waits for it again, for no longer than before until the worker is useful. */
  #onBack(): void {
    this.#prospect = { kind: "expected", untilMs: this.#prospect.untilMs };
  }

  /** The worker at this address is already connected through another one. */
  onDuplicate(instance: string): void {
    this.#duplicateOf = instance;
    // It is found again and again while the address is dialed: what was left at first counts.
    const { kind, untilMs } = this.#prospect;
    if (kind === "expected") this.#duplicateLeftMs = untilMs - this.#clock.now();
  }

  /** A worker has disconnected. If this is another address of the same worker, use this one now. */
  onInstanceGone(instance: string): void {
    if (this.#duplicateOf !== instance) return;
    this.#duplicateOf = undefined;
    // The time in which nobody needed it does not count.
    if (this.#duplicateLeftMs > 0) this.#prospect = this.#expectedFor(this.#duplicateLeftMs);
    this.#duplicateLeftMs = 0;
    this.#redialSoon();
  }

  /** The attempt has ended. */
  onEnded(end: AttemptEnd): void {
    if (!("redial" in this.#connection)) return;
    const { redial } = this.#connection;
    this.#connection = { kind: "dialing", redial }; // no longer connected, for those whom `#pauseAfter` tells
    const pauseMs = end.kind === "renegotiate" ? 0 : this.#pauseAfter(end);
    const connection = this.#connection; // `#pauseAfter` may have removed the address
    if (!("redial" in connection)) return;
    if (pauseMs === 0 || connection.redial === "at once") return this.#dial();
    this.#connection = {
      kind: "waiting",
      timer: this.#clock.after(pauseMs, () => this.#dial()),
    };
  }

  #dial(): void {
    this.#connection = { kind: "dialing", redial: "after a pause" };
    this.#actions.dial();
  }

  /** Handles a failed attempt. Returns how long to wait before the next one. */
  #pauseAfter({ kind, reason, wasReady, wasUseful, hasLeft }: Failure): number {
    this.#problem = reason;
    if (wasUseful) this.history.forgetProblems();
    if (kind === "unusable" || hasLeft) this.#lostAtMs = undefined;
    else if (wasUseful) this.#lostAtMs = this.#clock.now();
    if (kind === "unusable") {
      this.#giveUp(reason, "loaded");
      this.#report(kind, reason);
      return UNUSABLE_RETRY_MS;
    }
    if (wasUseful) this.#onUseful();
    else if (!this.#isAwaited) this.#giveUp(reason, "connected");
    if (wasReady) this.history.isNew(reason); // already reported as a loss
    else this.#report(kind, reason);
    return this.#backoff.next();
  }

  #onUseful(): void {
    if (this.#prospect.kind === "expected") this.#prospect = this.#expectedFor(this.#giveUpMs);
    this.#backoff.reset();
  }

  get #isAwaited(): boolean {
    return this.#prospect.kind === "expected" && this.#clock.now() <= this.#prospect.untilMs;
  }

  #expectedFor(ms: number): Prospect {
    return { kind: "expected", untilMs: this.#clock.now() + ms };
  }

  #giveUp(reason: string, until: "connected" | "loaded"): void {
    const before = this.#prospect;
    const wasUnusable = before.kind === "given up" && before.until === "loaded";
    this.#prospect = {
      kind: "given up",
      reason,
      until: wasUnusable ? "loaded" : until,
      untilMs: before.untilMs,
    };
    this.#actions.onGivenUp();
  }

  /** Reports a problem once. A run that ends because of it reports it in its final error instead. */
  #report(kind: "failed" | "unusable", reason: string): void {
    if (this.history.isNew(reason) && !this.isRemoved) this.#actions.report(kind, reason);
  }

  /** Dials now, or as soon as the current attempt has ended. */
  #redialSoon(): void {
    this.#backoff.reset();
    const connection = this.#connection;
    if (connection.kind === "waiting") {
      connection.timer.stop();
      this.#dial();
    } else if (connection.kind !== "removed") {
      this.#connection = { kind: connection.kind, redial: "at once" };
    }
  }
}
