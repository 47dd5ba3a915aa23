/** What the workers of a run tell their owner. */

import type { Uint64 } from "../../protocol/mod.ts";
import type { HugeOutputs } from "../huge_outputs.ts";
import type { ConnectedWorker, RefusalOf } from "./connected_worker.ts";
import type { PayloadMemory } from "./payload_memory.ts";

/** How a worker that was ready has disconnected. */
export interface Departure {
  /** `drained`: it was draining. `failed`: it was lost. `unusable`: it was rejected. */
  readonly kind: "drained" | "failed" | "unusable";
  readonly reason: string;
  /** Whether one of its jobs may be the cause: a worker at this address or host has answered jobs before. */
  readonly mayBeJobsFault: boolean;
}

/** What `Workers` reports to its owner. */
export interface WorkersEvents {
  /** Where large answers go. */
  readonly memory?: PayloadMemory | undefined;
  /** Where those go that are too large to be in memory. */
  readonly hugeOutputs?: HugeOutputs | undefined;
  /** A worker can be used. Its answers go to the callback of `connection.serve`. */
  onReady(worker: ConnectedWorker): void;
  readonly refusalOf?: RefusalOf | undefined;
  onCoreLoaded(worker: ConnectedWorker): void;
  /** A ready worker starts no more jobs. */
  onDraining(worker: ConnectedWorker, reason?: string): void;
  /** The answer to a message will not come: it came too slowly while memory was short. */
  onDiscarded(worker: ConnectedWorker, id: Uint64): void;
  /** A worker that was ready has disconnected. */
  onGone(worker: ConnectedWorker, departure: Departure): void;
  /** Too few workers are left, and no other is expected. Called once, or again and again if they go on. */
  onNoneLeft(reasons: readonly string[]): void;
}
