/** Time and randomness: passed to everything that waits or draws, so that a simulation can use its own. */

import { randomBytes } from "node:crypto";

/** A call in the future, unless it is stopped before. */
export interface Timer {
  /** May be called several times, and after the call. */
  stop(): void;
}

/** The time, and calls in the future. */
export interface Clock {
  /** Milliseconds since some fixed moment. Never goes back. */
  now(): number;
  /** Milliseconds since 1970 by the system's calendar, which may be set forward or back. */
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
  /** That many unpredictable bytes as hexadecimal digits, for unique names. */
  hex(bytes: number): string;
}

/** The time of this machine. */
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
