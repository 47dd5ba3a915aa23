/** What `--insecure` means, said at every start. */

import process from "node:process";
import { userInfo } from "node:os";
import type { Log } from "../../system/log.ts";

/** Says what a worker without a key gives to everybody. `where`: how they reach it. */
export function warnInsecureWorker(log: Log, where: string): void {
  log.warn(`--insecure: ${where} can run any program as ${user()}; nothing is encrypted`);
  if (isRoot()) {
    log.warn(
      "--insecure as root: they own this machine; use a key (distcomp key), or another user",
    );
  }
}

/** Says what a run without a key gives to everybody. */
export function warnInsecureRun(log: Log): void {
  log.warn(
    "--insecure: every program that answers as a worker gets the core and the inputs, and its results " +
      "are believed; nothing is encrypted",
  );
  if (isRoot()) {
    log.warn("--insecure as root: their results are written as root; use a key (distcomp key)");
  }
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

function user(): string {
  try {
    return userInfo().username;
  } catch {
    return "this user"; // it has no entry in the list of users
  }
}
