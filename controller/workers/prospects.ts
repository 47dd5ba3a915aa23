/** Whether a run has to wait for workers, or has none to wait for. */

import type { ConnectedWorker } from "./connected_worker.ts";
import type { ReconnectingAddress } from "./reconnect.ts";

/** Whether a worker may come from an address where none is connected. */
export function isAwaited(address: ReconnectingAddress): boolean {
  return !address.isConnected && address.givenUpReason === undefined;
}

/**
 * Why there are fewer than `workersMin` workers, and no other is awaited; `undefined` if that is not so. A
 * worker that was given up and is tried again does not count before it has loaded the core.
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
