/** An address that is dialled as long as a run lasts: when it is tried again, and whether there is hope. */

import { Backoff } from "../../link/backoff.ts";
import type { Random } from "../../runtime/clock.ts";
import { LATEST_VERSION } from "../../protocol/mod.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import { UnusableWorkerError, VersionRefusedError } from "./worker_connection.ts";

/** A worker that was never of use, or is gone, is waited for this long before the run can do without. */
export const HOPE_MS = 10_000;

/**
 * One that proved useless is tried again this often, while others do the work: a disk has room again, a node
 * has been repaired. Soon enough for somebody who waits for that, and seldom enough to send it a core.
 */
export const SECOND_CHANCE_MS = 30_000;

/** So many reasons are told once. A peer that talks nonsense may have a few, by turns. */
const REASONS_MAX = 8;

export const CLOSED_BY_WORKER = "it closed the connection";

/** The worker is to be connected to again, at once: it may speak a newer version than it has agreed on. */
export class AskAgainError extends Error {
  override name = "AskAgainError";
}

/** How an attempt to have a worker has ended: at the latest with its connection. */
export interface Attempt {
  readonly reason: Error | undefined;
  /** It was a worker: that it is lost is said already. */
  readonly wasUp: boolean;
  /** And one that answered, or at least stayed: there is hope again. */
  readonly wasOfUse: boolean;
}

/** How long to wait for a worker that is dialled; for tests. */
export interface DialledLimits {
  readonly hopeMs: number;
  readonly secondChanceMs: number;
}

/** What an address needs of its owner. */
export interface DialledOwner {
  /** Connects. Resolves when that has failed, or at the connection's end. */
  connect(): Promise<Attempt>;
  /** Nobody needs to wait for this one. Called at each attempt that shows it. */
  onHopeless(): void;
  warn(text: string): void;
}

/** What is known of an address, and what dials it. */
export class Dialled {
  readonly #limits: DialledLimits;
  readonly #owner: DialledOwner;
  readonly #backoff: Backoff;
  #hopeUntilMs = 0;
  #hopeless: string | undefined;
  #isDismissed = false;
  #wasSentAway = false;
  #twin: string | undefined;
  #told: string[] = [];
  #refusals = 0;
  #isHurried = false;
  #isLeft = false;
  #endRest: (() => void) | undefined;

  constructor(
    readonly name: string,
    limits: DialledLimits,
    owner: DialledOwner,
    random: Random,
  ) {
    this.#backoff = new Backoff(() => random.fraction());
    this.#limits = limits;
    this.#owner = owner;
  }

  /** Why nobody waits for it any more. */
  get hopeless(): string | undefined {
    return this.#hopeless;
  }

  /** There was a worker which was dismissed, at least once. */
  get wasSentAway(): boolean {
    return this.#wasSentAway;
  }

  /** It is to be dialled no more. */
  get isLeft(): boolean {
    return this.#isLeft;
  }

  /** Dials again and again, until it is left. Resolves when its last connection has ended, too. */
  async keepDialling(): Promise<void> {
    this.#hope();
    while (!this.#isLeft) {
      const attempt = await this.#owner.connect();
      if (this.#isLeft) return;
      const pauseMs = this.#onEnded(attempt);
      if (pauseMs > 0) await this.#rest(pauseMs);
    }
  }

  /** Dials no more. */
  leave(): void {
    this.#isLeft = true;
    this.#hurry();
  }

  /** Somebody names it, who may know more: if it was given up, it is as good as one that is new. */
  onNamed(): void {
    if (this.#hopeless === undefined) return;
    this.#hope();
    this.#hurry();
  }

  /** A worker has answered. That one which was dismissed loads the core is still to be seen. */
  onUp(): void {
    if (!this.#isDismissed) this.#hopeless = undefined;
  }

  /** The worker has loaded the core. */
  onLoaded(): void {
    this.#isDismissed = false;
    this.#hopeless = undefined;
  }

  /** This is another way to a worker that is up, which `voterOf` calls so. */
  onTwin(worker: string): void {
    this.#twin = worker;
  }

  /** A worker is gone. If this is another way to it, nothing stands against that any more. */
  onGone(worker: string): void {
    if (this.#twin !== worker) return;
    this.#twin = undefined;
    this.#hurry();
  }

  /** Takes in how an attempt has ended. Returns how long to wait before the next one. */
  #onEnded({ reason, wasUp, wasOfUse }: Attempt): number {
    if (reason instanceof AskAgainError || this.#mayAgreeYet(reason)) return 0;
    if (wasOfUse) this.#told = []; // what it does after that is news
    const why = reason ? reasonOf(reason) : CLOSED_BY_WORKER;
    if (reason instanceof UnusableWorkerError) {
      this.#wasSentAway ||= wasUp;
      this.#dismiss(why);
      return this.#limits.secondChanceMs;
    }
    if (wasOfUse) {
      this.#hopeUntilMs = performance.now() + this.#limits.hopeMs;
      this.#backoff.reset();
    } else if (performance.now() > this.#hopeUntilMs) this.#giveUp(why);
    if (wasUp) this.#note(why); // told already, as a loss
    else this.#tell(why, `worker ${this.name}: ${why}; trying again`);
    return this.#backoff.next();
  }

  /** It has refused a version, and may speak another one, older or newer. */
  #mayAgreeYet(reason: Error | undefined): boolean {
    const isRefusal = reason instanceof VersionRefusedError;
    this.#refusals = isRefusal ? (this.#refusals + 1) % LATEST_VERSION : 0;
    return this.#refusals > 0;
  }

  #dismiss(why: string): void {
    this.#isDismissed = true;
    this.#giveUp(why);
    this.#tell(why, `cannot use worker ${this.name}: ${why}`);
  }

  #giveUp(why: string): void {
    this.#hopeless = why;
    this.#owner.onHopeless();
  }

  #hope(): void {
    this.#isDismissed = false;
    this.#hopeless = undefined;
    this.#hopeUntilMs = performance.now() + this.#limits.hopeMs;
  }

  /** If this was the last hope, it is left by now, and the run's end says why. */
  #tell(why: string, text: string): void {
    if (this.#note(why) && !this.#isLeft) this.#owner.warn(text);
  }

  /** Remembers a reason. False if it was told before. */
  #note(why: string): boolean {
    if (this.#told.includes(why)) return false;
    this.#told = [...this.#told, why].slice(-REASONS_MAX);
    return true;
  }

  async #rest(limitMs: number): Promise<void> {
    if (!this.#isHurried) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        this.#endRest = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#isHurried = false;
  }

  /** Tries again now, or right after what goes on. */
  #hurry(): void {
    this.#backoff.reset();
    this.#isHurried = true;
    this.#endRest?.();
  }
}
