/**
 * Signals to the process group of a child that was started in a session of its own: they reach everything that the
 * child has started, unless that has left the group.
 */

import process from "node:process";
import type { ChildSignal } from "../ports.ts";

/** Sends a signal to the group that `leader` leads. Returns whether there is such a group. */
export function signalGroup(leader: number, signal: ChildSignal): boolean {
  try {
    return process.kill(-leader, signal);
  } catch {
    return false; // it is empty, or this system has no groups
  }
}

/**
 * Kills what is left of a group whose leader has ended. While there is such a group, the system gives its number to
 * no other process.
 */
export function killRestOfGroup(leader: number): void {
  signalGroup(leader, "SIGKILL");
}
