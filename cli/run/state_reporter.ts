/** Answers those who ask a run for its state with SIGUSR2. */

import { toStderr, type WriteLine } from "../terminal/log.ts";

/** Answers from the start of the command until the end of the process. */
export class StateReporter {
  #state = () => "starting: no job has begun";
  #write: WriteLine = toStderr;

  onAsked(): void {
    this.#write(this.#state());
  }

  /** The run has been built, and `state` says what it does. `write` puts lines above its progress bar. */
  onRun(state: () => string, write: WriteLine): void {
    this.#state = state;
    this.#write = write;
  }
}
