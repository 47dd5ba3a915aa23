/** How long the owner of workers waits for those that are not connected, and what follows if none is left. */

/** An address at which no worker has been useful for this long is given up. */
export const GIVE_UP_MS = 10_000;

/**
 * How long a run waits for workers that it has used and can no longer reach, before it ends for that reason. A large
 * machine, or a stack of switches, takes ten minutes to restart; a run of days loses nothing by waiting so long.
 */
const RETURN_MS = 600_000;

/** How long workers are awaited, and what happens without them. */
export interface WaitPolicy {
  /** How long an address is awaited. It is dialed on after that. */
  readonly giveUpMs: number;
  /** The longest pause between two attempts to connect; seconds unless given. */
  readonly redialMsMax?: number;
  /**
   * How long a worker that was useful may be out of reach before the workers are closed because none is left. Beyond
   * `giveUpMs` nothing else waits for it. Default: no longer than `giveUpMs`.
   */
  readonly returnMs?: number;
  /** When none is left: `end`: the workers are closed. `go on`: they are dialed on, and more may be added. */
  readonly whenNone: "end" | "go on";
}

/** How many workers there have to be, and what happens with fewer. */
export interface WorkerNeeds extends WaitPolicy {
  readonly workersMin: number;
}

/** How a run waits. */
export const RUN_WAIT_POLICY: WaitPolicy = {
  giveUpMs: GIVE_UP_MS,
  returnMs: RETURN_MS,
  whenNone: "end",
};
