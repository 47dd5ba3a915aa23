/** Messages on stderr: with the time for a worker, which runs for weeks; without it for a run. */

import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";
import process from "node:process";
import { styleText } from "node:util";
import type { Log } from "../system/log.ts";
import { printable } from "./format.ts";
import { stderr } from "./stderr.ts";

/** Writes one line to where people read. */
export type WriteLine = (line: string) => void;

/** The way to stderr. */
export const toStderr: WriteLine = (line) => stderr.push(`${line}\n`);

/** A log whose lines begin with the time. */
export function timedLog(): Log {
  return logThrough((record) => {
    const time = new Date(record.timestamp).toISOString().slice(0, 19);
    toStderr(`${time}Z ${markOf(record)}${textOf(record)}`);
  });
}

/**
 * A log of warnings and of what cores print, for somebody who waits for a result. `write` may keep clear of
 * a progress bar.
 */
export function runLog(write: WriteLine, isQuiet: boolean): Log {
  const log = logThrough((record) => {
    if (record.level !== "info") write(markOf(record) + textOf(record));
  });
  return { ...log, printed: isQuiet ? () => {} : (text) => write(printable(text)) };
}

function logThrough(sink: (record: LogRecord) => void): Log {
  configureSync({
    reset: true,
    sinks: { lines: sink },
    loggers: [
      { category: "distcomp", sinks: ["lines"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: ["lines"], lowestLevel: "error" },
    ],
  });
  const logger = getLogger("distcomp");
  // The text goes in as a value: braces in it are nobody's placeholders.
  return {
    info: (text) => logger.info("{text}", { text }),
    warn: (text) => logger.warn("{text}", { text }),
    printed: (text) => logger.info("{text}", { text }),
    room: () => stderr.room(),
  };
}

function textOf(record: LogRecord): string {
  return printable(String(record.properties["text"] ?? record.message.join("")));
}

function markOf(record: LogRecord): string {
  if (record.level === "info") return "";
  return `${styleText("yellow", "warning:", { stream: process.stderr })} `;
}
