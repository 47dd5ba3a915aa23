/**
 * Errors and log lines on stderr. The parts of the program get a `Log` as a parameter, so a logging package
 * with named loggers would be of no use.
 */

import process from "node:process";
import { styleText } from "node:util";
import type { Log } from "../../system/log.ts";
import { printable } from "../../system/format.ts";
import { stderr } from "./stderr.ts";

/** Writes one line of text. */
export type WriteLine = (line: string) => void;

/** Writes a line to stderr. */
export const toStderr: WriteLine = (line) => stderr.write(`${line}\n`);

/** Prints why the command failed. All errors have this form, and are one line, whatever they quote. */
export function printError(message: string): void {
  toStderr(`${styled("red", "distcomp:")} ${printable(message)}`);
}

/** The log of a worker. A worker may run for weeks, so every line begins with the time. */
export function workerLog(writeLine: WriteLine = toStderr): Log {
  const write = (text: string) => writeLine(`${new Date().toISOString().slice(0, 19)}Z ${text}`);
  return {
    info: (text) => write(printable(text)),
    warn: (text) => write(warning(text)),
    printed: (text) => write(printable(text)),
    room: () => stderr.room(),
  };
}

/** Prints what the user should know, where there is no log yet. */
export function printWarning(text: string): void {
  toStderr(warning(text));
}

/** The text as a warning: one line, whatever it quotes. */
export function warning(text: string): string {
  return `${styled("yellow", "warning:")} ${printable(text)}`;
}

function styled(color: "red" | "yellow", text: string): string {
  return styleText(color, text, { stream: process.stderr });
}
