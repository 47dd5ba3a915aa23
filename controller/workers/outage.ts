/** Too few workers are left because they cannot be reached: the run waits for those that it has used, and says so. */

import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../system/log.ts";
import type { ReconnectingAddress } from "./reconnect.ts";

/** Knows whether workers may return. */
export class Outage {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #addresses: ReadonlyMap<string, ReconnectingAddress>;
  #saidUntilMs: number | undefined;

  constructor(clock: Clock, log: Log, addresses: ReadonlyMap<string, ReconnectingAddress>) {
    this.#clock = clock;
    this.#log = log;
    this.#addresses = addresses;
  }

  /** Until when workers that were useful may return; `undefined` if none may. */
  get untilMs(): number | undefined {
    const all = [...this.#addresses.values()].flatMap(({ returnsUntilMs }) => returnsUntilMs ?? []);
    return all.length === 0 ? undefined : all.reduce((one, other) => Math.max(one, other));
  }

  /** Whether the run waits for them. Says until when, once. `connected`: how many workers are left. */
  isAwaited(connected: number): boolean {
    const { untilMs } = this;
    if (untilMs === undefined) return false;
    if (untilMs !== this.#saidUntilMs) this.#say(connected, untilMs);
    this.#saidUntilMs = untilMs;
    return true;
  }

  /** A worker has returned: others will, too, and failed jobs may need them. They are dialed at once. */
  onReturn(): void {
    for (const address of this.#addresses.values()) {
      if (address.returnsUntilMs !== undefined) address.onNamed();
    }
  }

  #say(connected: number, untilMs: number): void {
    const who = connected === 0 ? "no worker" : "too few workers";
    const date = new Date(this.#clock.date() + untilMs - this.#clock.now());
    const time = date.toTimeString().slice(0, 8);
    this.#log.warn(
      `${who} can be reached any more: waiting until ${time} for one to return; Ctrl-C ends the run`,
    );
  }
}
