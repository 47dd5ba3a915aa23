/** Where the messages of a run go: to the terminal, to the file of `--log`, and to those who watch the run. */

import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../system/log.ts";
import { LogLines } from "../../watch/log_lines.ts";
import type { Progress } from "../terminal/live_line.ts";
import type { WriteLine } from "../terminal/log.ts";
import { runLog } from "../terminal/run_log.ts";
import { bothLogs, type LogFile } from "../terminal/log_file.ts";
import { noProgress } from "../display/progress.ts";

/** The messages of one run. */
export class RunMessages {
  /** Shows the progress, once there is any; other lines appear above it. */
  progress: Progress = noProgress();
  /** What happens. With `--quiet`, the terminal has only warnings of it. */
  readonly log: Log;
  /** The last lines, for whoever looks at the run from somewhere else. */
  readonly lines: LogLines;
  readonly #file: LogFile | undefined;

  constructor(isQuiet: boolean, file: LogFile | undefined, clock: Clock) {
    const shown = runLog((line) => this.progress.write(line), isQuiet);
    this.#file = file;
    this.lines = new LogLines(clock);
    const kept = bothLogs(shown, this.lines);
    this.log = file ? bothLogs(kept, runLog(file.write, false)) : kept;
  }

  /** Writes a line to the terminal alone. */
  readonly print: WriteLine = (line) => this.progress.write(line);

  /** Writes a line to all of them. */
  readonly write: WriteLine = (line) => {
    this.lines.info(line);
    this.#writeOut(line);
  };

  /** The same for a line that a core has printed. */
  readonly writePrinted: WriteLine = (line) => {
    this.lines.printed(line);
    this.#writeOut(line);
  };

  #writeOut(line: string): void {
    this.progress.write(line);
    this.#file?.write(line);
  }
}
