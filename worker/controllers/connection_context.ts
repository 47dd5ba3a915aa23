/** What all connections of a worker share. */

import type { Uint64, WorkerDescription, WorkerLoad } from "../../protocol/mod.ts";
import type { ReadRounds } from "../../link/read_rounds.ts";
import type { Turns } from "../../link/turns.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ContentStore } from "../cores/content_store.ts";
import type { Executor } from "../slots/executor.ts";
import type { CoreContext } from "./core_changes.ts";
import type { HeldBytes } from "./held_bytes.ts";
import type { MessagePace } from "./message_pace.ts";

/** The parts of the worker that connections use, and its limits. */
export interface ConnectionContext extends CoreContext {
  readonly clock: Clock;
  readonly executor: Executor;
  readonly contents: ContentStore;
  readonly pace: MessagePace;
  readonly held: HeldBytes;
  /** How much of a large payload one read may bring now. */
  readonly largeReadBytesMax: () => number;
  /** When connections decompress what they receive. */
  readonly turns: Turns;
  /** When connections are read again. */
  readonly rounds: ReadRounds;
  readonly payloadBytesMax: number | undefined;
  /** Whether inputs beyond that are received part by part. */
  readonly takesHugeInputs: boolean;
  /** How long a controller of version 1 that has closed its sending side still gets answers. */
  readonly halfClosedMs: number;
  /** How long a controller of version 2 may be silent. */
  readonly silentMsMax: number;
  describe(): WorkerDescription;
  load(): WorkerLoad;
  /** The answer to a "state" as a whole frame. */
  state(id: Uint64, asker: string): Uint8Array<ArrayBuffer>;
}

/** One of version 2 keeps its sending side open as long as it wants answers: it is gone, and gets what is ready. */
const GONE_MS = 2_000;

/** How long a controller that has closed its sending side still gets answers. */
export function lastAnswersMs(
  { halfClosedMs }: Pick<ConnectionContext, "halfClosedMs">,
  version: number,
): number {
  return version === 1 ? halfClosedMs : Math.min(halfClosedMs, GONE_MS);
}
