/** The log of a program that uses the library. What it throws must not reach the code that logs. */

import { type Log, silentLog } from "./log.ts";

/**
 * The log that a program has given, if any. An error of its functions is thrown outside of whatever has called them, as
 * those of listeners are: it ends the program unless that handles it.
 */
export function callersLog(log: Log | undefined): Log {
  if (!log) return silentLog;
  const { table, room } = log;
  return {
    info: (text) => apart(() => log.info(text)),
    warn: (text) => apart(() => log.warn(text)),
    printed: (text) => apart(() => log.printed(text)),
    ...table && { table: (title, rows) => apart(() => table.call(log, title, rows)) },
    ...room && { room: () => apart(() => room.call(log)?.catch(throwSoon)) },
  };
}

function apart<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    throwSoon(error);
    return undefined;
  }
}

function throwSoon(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
