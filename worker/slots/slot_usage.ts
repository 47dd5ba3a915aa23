/** What a slot says that its jobs have used. A core can write to the socket of its slot, so it is checked. */

import { MalformedPayloadError, readUsageSlot } from "../../protocol/mod.ts";

/** Throws if the payload of a result has no usage, or one of another slot. Its times are checked by the controller. */
export function checkUsage(payload: Uint8Array, slot: number): void {
  const said = readUsageSlot(payload);
  if (said !== slot) throw new MalformedPayloadError(`Slot ${slot} says that it is slot ${said}`);
}
