/** The options of a link. */

import type { FindHugePlace, FindPlace, LimitPayload, ReferenceEvents } from "../protocol/mod.ts";
import type { Clock } from "../runtime/clock.ts";
import type { ReadRounds } from "./read_rounds.ts";
import type { Turns } from "./turns.ts";

/** Options of a link. */
export interface LinkOptions {
  readonly clock: Clock;
  /** The largest payload to accept. Default: `PAYLOAD_BYTES_MAX_DEFAULT`. */
  readonly payloadBytesMax?: number | undefined;
  /** A lower limit of some payloads. */
  readonly limitPayload?: LimitPayload | undefined;
  /** Where large payloads go. */
  readonly findPlace?: FindPlace | undefined;
  /** Where large payloads go that need not be in one array. */
  readonly findPartPlace?: FindHugePlace | undefined;
  /** Where payloads go that are larger than `payloadBytesMax`. */
  readonly findHugePlace?: FindHugePlace | undefined;
  /** Is told what is sent without a copy. */
  readonly references?: ReferenceEvents | undefined;
  /** How much of a large payload one read may bring now, if that is less than usual. */
  readonly largeReadBytesMax?: () => number;
  /** The turns of the event loop in which compressed bytes are decompressed. Default: turns of its own. */
  readonly turns?: Pick<Turns, "next">;
  /** The rounds in which it is read. Default: rounds of its own. */
  readonly rounds?: ReadRounds | undefined;
}
