/**
 * Tells of slots that are stopped (SIGSTOP), by their job or from outside: otherwise nothing says why the job takes so
 * long. Nobody but who has stopped them knows whether they are to go on.
 */

import type { ProcFiles } from "../../runtime/proc_files.ts";
import type { Log } from "../../system/log.ts";
import { processState } from "../../system/process_state.ts";
import type { BusyCore } from "./lost_threads.ts";

/** How often each process is checked. */
const POLL_MS = 2_000;

/** Told at this poll in a row: a worker that is told to stop and to go on does that to its slots, too. */
const POLLS = 2;

/** The processes that are stopped. */
export class StoppedSlots {
  readonly #system: ProcFiles;
  readonly #log: Pick<Log, "printed">;
  #polledAtMs = 0;
  /** How many polls in a row have seen the process stopped while it did the same. */
  #seen = new Map<number, { readonly what: string; readonly polls: number }>();

  /** `log`: the worker of a run passes on only what is printed. */
  constructor(system: ProcFiles, log: Pick<Log, "printed">) {
    this.#system = system;
    this.#log = log;
  }

  /** Tells of those that are not known yet, if it is time to check. */
  tell(busy: () => Iterable<Pick<BusyCore, "pid" | "what">>, nowMs: number): void {
    if (nowMs - this.#polledAtMs < POLL_MS) return;
    this.#polledAtMs = nowMs;
    const before = this.#seen;
    this.#seen = new Map();
    for (const { pid, what } of busy()) {
      if (processState(this.#system, pid)?.letter !== "T") continue;
      const last = before.get(pid);
      const polls = last?.what === what ? last.polls + 1 : 1;
      this.#seen.set(pid, { what, polls });
      if (polls !== POLLS) continue;
      const [name = ""] = what.split(" ");
      this.#log.printed(`a slot is stopped in ${name}; to continue it: kill -CONT ${pid}`);
    }
  }
}
