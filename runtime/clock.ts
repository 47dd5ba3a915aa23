/** Time and randomness, handed in to everything that waits or draws, so that a simulation can bring its own. */

import { randomBytes } from "node:crypto";

/** Something that will be called, unless it is stopped before. */
export interface Timer {
  /** May be called again, and after the call. */
  stop(): void;
}

/** What time it is, and calls at later times. */
export interface Clock {
  /** Milliseconds since some moment. Never goes back. */
  now(): number;
  /** Milliseconds since 1970 by the system's calendar, which may be set forward and back. */
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
  /** So many unpredictable bytes in hexadecimal digits, for names that nobody else has. */
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
