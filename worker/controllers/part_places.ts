/**
 * Where payloads go that arrive part by part although an array could hold them: so they take no memory of the worker.
 */

import {
  type FindHugePlace,
  type HugePlace,
  isMessageType,
  MessageType,
  UnknownTypeError,
} from "../../protocol/mod.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import { CORE_IN_MEMORY_BYTES_MAX } from "../cores/arriving_core.ts";
import type { DiskRoom } from "../cores/disk_room.ts";
import type { CoreLock } from "../cores/core_lock.ts";
import type { CoreStore } from "../cores/core_store.ts";
import type { CurrentCore } from "./current_core.ts";
import type { PacedMessages } from "./message_pace.ts";
import { UnwantedPayload } from "./unwanted_payload.ts";

/** What is needed of a connection. */
export interface PartPlaceNeeds {
  version(): number;
  paced(): Pick<PacedMessages, "onDropped">;
  readonly cores: Pick<CurrentCore, "problem">;
  readonly store: Pick<CoreStore, "arriving">;
  readonly room: Pick<DiskRoom, "check">;
  readonly coreLock: CoreLock;
}

/** Finds such places. Others are for arrays. */
export function partPlaces(needs: PartPlaceNeeds): FindHugePlace {
  const { version, paced, cores, store, room, coreLock: lock } = needs;
  const unwanted = (bytes: number, kind: "core" | "protocol", reason: string): HugePlace =>
    new UnwantedPayload(bytes, kind, reason, (more) => paced().onDropped(more));
  return (type, _id, bytes) => {
    if (!isMessageType(type, version())) {
      const { message } = new UnknownTypeError("message", type, version());
      return unwanted(bytes, "protocol", message);
    }
    const isJob = type === MessageType.job || type === MessageType.limitedJob;
    const { problem } = cores;
    if (isJob && problem !== undefined) return unwanted(bytes, "core", problem);
    if (type !== MessageType.core || bytes <= CORE_IN_MEMORY_BYTES_MAX) return undefined;
    try {
      room.check(bytes);
      return store.arriving(bytes, { room, lock });
    } catch (error) {
      return unwanted(bytes, "core", `Cannot store a compute core: ${reasonOf(error)}`);
    }
  };
}
