/** Decides whether a run still waits for workers. */

import type { ConnectedWorker } from "./connected_worker.ts";
import type { ReconnectingAddress } from "./reconnect.ts";

/** Whether a worker may still connect at an address that is not connected. */
export function isAwaited(address: ReconnectingAddress): boolean {
  return !address.isConnected && address.givenUpReason === undefined;
}

/**
 * The reasons if fewer than `workersMin` workers are connected and no other is expected; otherwise `undefined`.
 * A worker that was given up and has connected again does not count until it has loaded the core.
 */
export function reasonsForNone(
  connected: readonly ConnectedWorker[],
  addresses: readonly ReconnectingAddress[],
  workersMin: number,
): string[] | undefined {
  const usable = connected.filter(({ address }) => address?.givenUpReason === undefined);
  const members = usable.filter(({ isMember }) => isMember);
  if (members.length >= workersMin || members.length < usable.length) return undefined;
  if (addresses.some(isAwaited)) return undefined;
  const reasons = addresses
    .filter(({ givenUpReason }) => givenUpReason !== undefined)
    .map(({ name, givenUpReason }) => `${name}: ${givenUpReason}`);
  if (members.length > 0) {
    const names = members.map(({ name }) => name).join(", ");
    reasons.push(`only ${names} is connected; --verify needs two workers`);
  }
  return reasons;
}
