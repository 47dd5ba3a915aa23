/** Time and randomness. Code that needs them takes them as parameters, so that a simulation can supply its own. */

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
  /** Resolves in the next turn of the event loop, after what other connections have received meanwhile. */
  nextTurn(): Promise<void>;
}

/** A source of randomness. */
export interface Random {
  /** A number from 0 up to 1, for jitter and samples. */
  fraction(): number;
  /** Unpredictable bytes as hexadecimal digits, for unique names. */
  hex(bytes: number): string;
}

/** A timer of the system may ring so much too early. */
const EARLY_MS = 1;

/** The longest time that a timer of the system can be set to. One that is set to more rings at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Where the time and the timers come from. */
export interface TimeSource {
  /** Monotonic time, which goes on while the process is stopped. */
  now(): number;
  set(action: () => void, ms: number): unknown;
  clear(handle: unknown): void;
}

const SYSTEM: TimeSource = {
  now: () => performance.now(),
  set: (action, ms) => setTimeout(action, ms),
  clear: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
};

/**
 * A clock that can be stopped. A limit that is under way then ends later by the time of the stop: nobody is given
 * up, and no job has timed out, because the user has pressed Ctrl-Z.
 */
export class StoppableClock implements Clock {
  readonly #source: TimeSource;
  #stoppedMs = 0;
  #stoppedAtMs: number | undefined;

  constructor(source: TimeSource = SYSTEM) {
    this.#source = source;
  }

  now(): number {
    return (this.#stoppedAtMs ?? this.#source.now()) - this.#stoppedMs;
  }

  date(): number {
    return Date.now();
  }

  after(ms: number, action: () => void): Timer {
    const dueMs = this.now() + ms;
    const ring = () => {
      const leftMs = dueMs - this.now();
      if (leftMs <= EARLY_MS) action();
      else handle = set(leftMs); // the clock was stopped in the meantime, or the time is very long
    };
    const set = (leftMs: number) => this.#source.set(ring, Math.min(leftMs, TIMER_MS_MAX));
    let handle = set(ms);
    return { stop: () => this.#source.clear(handle) };
  }

  every(ms: number, action: () => void): Timer {
    const timer = setInterval(action, ms);
    return { stop: () => clearInterval(timer) };
  }

  nextTurn(): Promise<void> {
    return nextTurn();
  }

  /** The clock stands still until `start`. May be called again. */
  stop(): void {
    this.#stoppedAtMs ??= this.#source.now();
  }

  /** The clock goes on. May be called again. */
  start(): void {
    if (this.#stoppedAtMs === undefined) return;
    this.#stoppedMs += this.#source.now() - this.#stoppedAtMs;
    this.#stoppedAtMs = undefined;
  }
}

/** The clock of this machine. */
export const systemClock = new StoppableClock();

/** The randomness of this machine. By way of the Web's interface: `node:crypto` takes a process 3 ms to load. */
export const systemRandom: Random = {
  fraction: () => Math.random(),
  hex: (bytes) => hexOf(crypto.getRandomValues(new Uint8Array(bytes))),
};

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Resolves after `ms` milliseconds. */
export function delay(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

/** Resolves in the next turn of the event loop, after what other connections have received meanwhile. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
