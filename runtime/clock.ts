/** Time and randomness. Code that needs them takes them as parameters, so that a simulation can supply its own. */

import { randomBytes } from "node:crypto";

/** A scheduled call, or a series of calls. */
export interface Timer {
  /** Cancels the call. May be called several times, and after the call has been made. */
  stop(): void;
}

/** The time, and scheduled calls. */
export interface Clock {
  /** Monotonic time in milliseconds since some fixed moment. */
  now(): number;
  /** Wall-clock time in milliseconds since 1970. The user may set it forward or back. */
  date(): number;
  /** Calls `action` once, `ms` milliseconds from now. */
  after(ms: number, action: () => void): Timer;
  /** Calls `action` every `ms` milliseconds. */
  every(ms: number, action: () => void): Timer;
}

/** A source of randomness. */
export interface Random {
  /** A number from 0 up to 1, for jitter and samples. */
  fraction(): number;
  /** Unpredictable bytes as hexadecimal digits, for unique names. */
  hex(bytes: number): string;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after: (ms, action) => {
    const timer = setTimeout(action, ms);
    return { stop: () => clearTimeout(timer) };
  },
  every: (ms, action) => {
    const timer = setInterval(action, ms);
    return { stop: () => clearInterval(timer) };
  },
};

/** The randomness of this machine. */
export const systemRandom: Random = {
  fraction: () => Math.random(),
  hex: (bytes) => randomBytes(bytes).toString("hex"),
};

/** Resolves after `ms` milliseconds. */
export function delay(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
