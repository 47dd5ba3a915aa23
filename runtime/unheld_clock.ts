/** A clock whose timers do not keep the process alive. */

import { clearInterval, clearTimeout, setInterval, setTimeout } from "node:timers";
import { StoppableClock, type Timer } from "./clock.ts";

class UnheldClock extends StoppableClock {
  constructor() {
    super({
      now: () => performance.now(),
      set: (action, ms) => setTimeout(action, ms).unref(),
      clear: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
    });
  }

  override every(ms: number, action: () => void): Timer {
    const timer = setInterval(action, ms).unref();
    return { stop: () => clearInterval(timer) };
  }
}

/** The clock of this machine, with such timers. */
export const unheldClock: StoppableClock = new UnheldClock();
