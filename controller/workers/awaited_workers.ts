/** Which workers are still awaited, and why a run has none if none is. */

import { formatAddress } from "../../link/address.ts";
import type { Address } from "../../runtime/ports.ts";
import type { ConnectedWorker } from "./connected_worker.ts";
import type { ReconnectingAddress } from "./reconnect.ts";

/** Whether a worker may still connect at an address that is not connected. */
export function isAwaited(address: ReconnectingAddress): boolean {
  return !address.isConnected && address.givenUpReason === undefined;
}

/** How many votes workers have with `--verify`: those on one machine have one. */
export function votesOf(workers: readonly ConnectedWorker[]): number {
  return new Set(workers.map(({ voter }) => voter)).size;
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
  if (votesOf(members) >= workersMin || members.length < usable.length) return undefined;
  if (addresses.some(isAwaited)) return undefined;
  const reasons = addresses
    .filter(({ givenUpReason }) => givenUpReason !== undefined)
    .map(({ name, givenUpReason }) => `${name}: ${givenUpReason}`);
  if (members.length > 0) {
    const names = members.map(({ name }) => name).join(", ");
    reasons.push(
      members.length === 1
        ? `only ${names} is connected; --verify needs two workers`
        : `${names} are on one machine, which has one vote; --verify needs workers on two machines`,
    );
  }
  return reasons;
}

/** Why no worker has joined yet, where a run still waits for one. `listening`: where workers may connect. */
export function reasonsForWaiting(
  addresses: readonly ReconnectingAddress[],
  listening: readonly Address[],
): string[] {
  return [
    ...addresses.map(({ name, problem = "it does not answer" }) => `${name}: ${problem}`),
    ...listening.map((address) => `nobody has connected to ${formatAddress(address)}`),
  ];
}
