/** What cores print: shown above the progress bar with the name of the job, or kept in files. */

import type { PrintedByJob } from "../../controller/run.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";
import type { Log } from "../../system/log.ts";
import type { CoreOutput } from "./core_output_choices.ts";
import { printable } from "../../system/format.ts";
import { KeptOutput } from "./kept_output.ts";
import { linesOf } from "./printed_text.ts";
import type { WriteLine } from "../terminal/log.ts";

/** Where the lines come from that no job has printed. */
const CORE = "core";

/** How the run's own worker logs what a core prints while it is unloaded, after the worker's connection has ended. */
const SLOT_LINE = /^slot \d+: (.*)$/s;

/** Takes what the jobs of a run print. */
export interface CoreOutputSink {
  onPrinted(printed: PrintedByJob): void;
  onEnded(name: string, attempt: number): void;
  /** Resolves when everything is written. */
  close(): Promise<void>;
}

/** The sink for a value of the option. `state`: the folder of the journal. */
export function coreOutputSink(
  value: CoreOutput,
  state: string,
  files: FolderFiles,
  write: WriteLine,
  log: Log,
): CoreOutputSink | undefined {
  if (value === "off") return undefined;
  if (value === "show") {
    const onPrinted = (printed: PrintedByJob) => show(printed, write);
    return { onPrinted, onEnded() {}, close: () => Promise.resolve() };
  }
  const kept = new KeptOutput(files, state, (text) => log.warn(text));
  return {
    onPrinted: (printed) => kept.add(printed),
    onEnded: (name, attempt) => kept.onEnded(name, attempt),
    close: () => kept.close(),
  };
}

function show(printed: PrintedByJob, write: WriteLine): void {
  const name = printable(printed.name ?? CORE);
  for (const line of linesOf(printed)) write(`${name}: ${printable(line)}`);
}

/** The log of a run, but what its worker logs of cores goes where all that they print goes. */
export function withoutCoreLines(log: Log, sink: CoreOutputSink | undefined): Log {
  return {
    info: (text) => log.info(text),
    warn: (text) => log.warn(text),
    ...log.table && { table: (title, rows) => log.table?.(title, rows) },
    room: () => log.room?.(),
    printed: (text) => {
      const line = SLOT_LINE.exec(text)?.[1];
      if (line === undefined) log.printed(text);
      else sink?.onPrinted({ name: undefined, attempt: 0, lines: [line], leftOut: 0 });
    },
  };
}
