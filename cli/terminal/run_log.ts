/** The log of a run, which has tables. Their widths take a library, which the start of a run should not load. */

import { printable } from "../../system/format.ts";
import type { Log } from "../../system/log.ts";
import { printError, toStderr, warning, type WriteLine } from "./log.ts";
import { stderr } from "./stderr.ts";
import { tableLines } from "./table_lines.ts";

/** The log of a run. With `isQuiet` it has only warnings. */
export function runLog(write: WriteLine, isQuiet: boolean): Log {
  return {
    info: isQuiet ? () => {} : (text) => write(printable(text)),
    warn: (text) => write(warning(text)),
    table: (title, rows) => write([warning(title), ...tableLines(rows)].join("\n")),
    printed: isQuiet ? () => {} : (text) => write(printable(text)),
    room: () => stderr.room(),
  };
}

/** Prints why the command failed, with a row for each thing that contributed. */
export function printErrorTable(
  message: string,
  rows: readonly (readonly [string, string])[],
): void {
  printError(message);
  for (const line of tableLines(rows)) toStderr(line);
}
