/** Where the messages of a run go: to the terminal, and to the file of `--log`. */

import type { Log } from "../system/log.ts";
import type { Progress } from "./live_line.ts";
import { runLog, type WriteLine } from "./log.ts";
import { bothLogs, type LogFile } from "./log_file.ts";
import { noProgress } from "./progress.ts";

/** The messages of one run. */
export class RunMessages {
  /** Shows the progress, once there is any; other lines appear above it. */
  progress: Progress = noProgress();
  /** What happens. With `--quiet`, the terminal has only warnings of it. */
  readonly log: Log;
  readonly #file: LogFile | undefined;

  constructor(isQuiet: boolean, file: LogFile | undefined) {
    const shown = runLog((line) => this.progress.write(line), isQuiet);
    this.#file = file;
    this.log = file ? bothLogs(shown, runLog(file.write, false)) : shown;
  }

  /** Writes a line to both. */
  readonly write: WriteLine = (line) => {
    this.progress.write(line);
    this.#file?.write(line);
  };
}
