/** An address that is dialed for as long as a run lasts: when to dial again, and whether the run waits for it. */

import { Backoff } from "../../link/backoff.ts";
import type { Clock, Random, Timer } from "../../runtime/clock.ts";
import { WorkerHistory } from "./worker_history.ts";

/** A run can do without a worker that was never of use, or is gone, after this time. */
export const GIVE_UP_MS = 10_000;

/**
 * An unusable worker is dialed again this often, for disks get room again and nodes are repaired while a long
 * run goes on. Soon enough for somebody who waits for that, and seldom enough to send it a core each time.
 */
const UNUSABLE_RETRY_MS = 30_000;

/** How an attempt to have a worker has ended: at the latest with its connection. */
export type AttemptEnd =
  /** The worker may agree on another version of the protocol. */
  | { readonly kind: "renegotiate" }
  | Failure;

/** There was no connection, or it has ended; or the worker cannot be used as it is. */
interface Failure {
  readonly kind: "failed" | "unusable";
  readonly reason: string;
  /** The worker had been ready: its loss is reported already. */
  readonly wasReady: boolean;
  /** It had answered jobs, or at least stayed. */
  readonly wasUseful: boolean;
}

/** Where the address stands with its worker. */
type Connection =
  /** A connection is being made, or the worker introduces itself. */
  | { readonly kind: "dialing"; readonly redial: Redial }
  | { readonly kind: "connected"; readonly redial: Redial }
  | { readonly kind: "waiting"; readonly timer: Timer }
  /** It is not dialed again. */
  | { readonly kind: "removed" };

/** When to dial again after a connection has ended. */
type Redial = "after a pause" | "at once";

/** Whether the run waits for a worker at the address. */
type Prospect =
  | { readonly kind: "expected"; readonly untilMs: number }
  /** Not any more, until one is connected, or has even loaded the core. It is dialed all the same. */
  | {
    readonly kind: "given up";
    readonly reason: string;
    readonly until: "connected" | "loaded";
    /** Until when the run had waited. That counts again once the worker is back. */
    readonly untilMs: number;
  };

/** What an address has its owner do. */
export interface AddressActions {
  /** Dial. `onReady` or `onEnded` follows. */
  dial(): void;
  /** The run no longer waits for this address. */
  onGivenUp(): void;
  /** There is something new to report: the worker cannot be reached, or it cannot be used. */
  report(kind: "failed" | "unusable", reason: string): void;
}

/** One address. */
export class ReconnectingAddress {
  readonly history = new WorkerHistory();
  readonly #clock: Clock;
  readonly #actions: AddressActions;
  readonly #backoff: Backoff;
  #connection: Connection = { kind: "dialing", redial: "after a pause" };
  #prospect: Prospect;
  /** The instance of the worker that this address leads to, while that is connected otherwise. */
  #duplicateOf: string | undefined;

  constructor(
    readonly name: string,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
    actions: AddressActions,
  ) {
    this.#clock = clock;
    this.#actions = actions;
    this.#backoff = new Backoff(() => random.fraction());
    this.#prospect = this.#expectedFor(GIVE_UP_MS);
  }

  /** Why the run does not wait for it any more. */
  get givenUpReason(): string | undefined {
    return this.#prospect.kind === "given up" ? this.#prospect.reason : undefined;
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

  /** Dials no more. */
  remove(): void {
    if (this.#connection.kind === "waiting") this.#connection.timer.stop();
    this.#connection = { kind: "removed" };
  }

  /** Somebody names it again, who may know more: if it was given up, it is as good as a new one. */
  onNamed(): void {
    if (this.#prospect.kind === "expected") return;
    this.#prospect = this.#expectedFor(GIVE_UP_MS);
    this.#redialSoon();
  }

  /** A worker has introduced itself and is to be used. */
  onReady(): void {
    if (this.#connection.kind !== "dialing") return;
    this.#connection = { kind: "connected", redial: this.#connection.redial };
    if (this.#prospect.kind === "given up" && this.#prospect.until === "connected") this.#onBack();
  }

  /** The worker has loaded the core. */
  onCoreLoaded(): void {
    if (this.#prospect.kind === "given up") this.#onBack();
  }

  /** The run waits for it again, but gives it no more time than before until it is of use. */
  #onBack(): void {
    this.#prospect = { kind: "expected", untilMs: this.#prospect.untilMs };
  }

  /** The address leads to a worker that is connected already. */
  onDuplicate(instance: string): void {
    this.#duplicateOf = instance;
  }

  /** A worker is gone. If this is another address of it, it can be used now. */
  onInstanceGone(instance: string): void {
    if (this.#duplicateOf !== instance) return;
    this.#duplicateOf = undefined;
    this.#redialSoon();
  }

  /** There is no connection any more. */
  onEnded(end: AttemptEnd): void {
    const { kind } = this.#connection;
    if (kind !== "dialing" && kind !== "connected") return;
    const pauseMs = end.kind === "renegotiate" ? 0 : this.#pauseAfter(end);
    const connection = this.#connection; // it may have been removed just now
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

  /** Takes in what an attempt has shown. Returns how long to wait before the next one. */
  #pauseAfter({ kind, reason, wasReady, wasUseful }: Failure): number {
    if (wasUseful) this.history.forgetProblems();
    if (kind === "unusable") {
      this.#giveUp(reason, "loaded");
      this.#report(kind, reason);
      return UNUSABLE_RETRY_MS;
    }
    if (wasUseful) this.#onUseful();
    else if (!this.#isAwaited) this.#giveUp(reason, "connected");
    if (wasReady) this.history.isNews(reason); // reported already, as a loss
    else this.#report(kind, reason);
    return this.#backoff.next();
  }

  #onUseful(): void {
    if (this.#prospect.kind === "expected") this.#prospect = this.#expectedFor(GIVE_UP_MS);
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

  /** If the run has ended because of this, its end says why. */
  #report(kind: "failed" | "unusable", reason: string): void {
    if (this.history.isNews(reason) && !this.isRemoved) this.#actions.report(kind, reason);
  }

  /** Dials now, or as soon as the present attempt has ended. */
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
