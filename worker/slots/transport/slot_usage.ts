/** What a slot says that its jobs have used. A core can write to the socket of its slot, so it is checked. */

import { type FrameSpan, MalformedPayloadError, readUsageSlot } from "../../../protocol/mod.ts";

/** Throws if the payload of a result has no usage, or one of another slot. Its times are checked by the controller. */
export function checkUsage(payload: Uint8Array, slot: number): void {
  check(readUsageSlot(payload), slot);
}

/** The same for a result where it has arrived. */
export function checkUsageOf({ bytes, at, byteLength }: FrameSpan, slot: number): void {
  check(readUsageSlot(bytes, at, byteLength), slot);
}

function check(said: number, slot: number): void {
  if (said !== slot) throw new MalformedPayloadError(`Slot ${slot} says that it is slot ${said}`);
}
