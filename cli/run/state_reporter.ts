/** Answers those who ask a run for its state with SIGUSR2. */

import type { RunSnapshot } from "../../watch/snapshot.ts";
import { toStderr, type WriteLine } from "../terminal/log.ts";
import { runStateLines } from "../display/run_state_text.ts";

/** Answers from the start of the command until the end of the process. */
export class StateReporter {
  #state = () => "starting: no job has begun";
  #write: WriteLine = toStderr;

  onAsked(): void {
    this.#write(this.#state());
  }

  /** The run has been built. `write` puts lines above its progress bar. */
  onRun(run: { snapshot(): RunSnapshot }, write: WriteLine): void {
    this.#state = () => runStateLines(run.snapshot()).join("\n");
    this.#write = write;
  }
}
