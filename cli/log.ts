/**
 * What the program says on stderr: errors, and the log lines of workers and runs. The parts of the program
 * get a `Log` handed in, so there is no logger to look up by name and no package for that.
 */

import process from "node:process";
import { styleText } from "node:util";
import type { Log } from "../system/log.ts";
import { printable } from "./format.ts";
import { stderr } from "./stderr.ts";

/** Writes one line for people to read. */
export type WriteLine = (line: string) => void;

/** Writes a line to stderr. */
export const toStderr: WriteLine = (line) => stderr.write(`${line}\n`);

/** Says why the command failed, in the one form that all errors have. */
export function printError(message: string): void {
  toStderr(`${styled("red", "distcomp:")} ${message}`);
}

/** The log of a worker, which runs for weeks: every line begins with the time. */
export function workerLog(): Log {
  const write = (text: string) => toStderr(`${new Date().toISOString().slice(0, 19)}Z ${text}`);
  return {
    info: (text) => write(printable(text)),
    warn: (text) => write(warning(text)),
    printed: (text) => write(printable(text)),
    room: () => stderr.room(),
  };
}

/** The log of a run, for somebody who waits for a result: warnings, and what cores print unless `isQuiet`. */
export function runLog(write: WriteLine, isQuiet: boolean): Log {
  return {
    info: () => {},
    warn: (text) => write(warning(text)),
    printed: isQuiet ? () => {} : (text) => write(printable(text)),
    room: () => stderr.room(),
  };
}

function warning(text: string): string {
  return `${styled("yellow", "warning:")} ${printable(text)}`;
}

function styled(color: "red" | "yellow", text: string): string {
  return styleText(color, text, { stream: process.stderr });
}
