/** What a connection with a worker tells those who use it. */

import type { DispatchId } from "../../pool/types.ts";
import type {
  ArrivingPayload,
  CoreOutputMode,
  FindPlace,
  Frame,
  PrintedNotice,
  ReferenceEvents,
  WorkerDescription,
} from "../../protocol/mod.ts";
import type { Answer } from "../answer.ts";
import type { HugeOutputs } from "../huge_outputs.ts";
import type { CompressionMode } from "../../link/compression_mode.ts";

/** What a connection reports to the set of workers. */
export interface WorkerConnectionEvents {
  /** Where large answers go. */
  readonly findPlace?: FindPlace | undefined;
  /** Where those go that are too large to be in memory. */
  readonly hugeOutputs?: HugeOutputs | undefined;
  /** Is told which inputs are being sent. */
  readonly references?: ReferenceEvents | undefined;
  /** The worker speaks the offered version. From version 2 on it has described itself. */
  onIntroduced(description: WorkerDescription | undefined): void;
  onCoreLoaded(): void;
  onCoreFailed(reason: string): void;
  /** The worker is draining: it starts no more jobs. */
  onDraining(): void;
  /** More of a large answer has arrived; without `payload`, all of it. */
  onArriving(payload: ArrivingPayload | undefined): void;
  onClosed(reason: Error | undefined): void;
}

/** Handles an answer to a job. Throws a `ProtocolError` if the worker has no such job. */
export type OnAnswer = (dispatch: DispatchId, answer: Answer) => void;

/** Handles lines that a job has printed, or its core while no job ran. The job may be answered already. */
export type OnPrinted = (dispatch: DispatchId | undefined, notice: PrintedNotice) => void;

/** What goes on while a worker runs jobs. */
export interface Service {
  readonly onAnswer: OnAnswer;
  /** Whether a job was sent under this id that is not answered. */
  readonly isAwaited: (dispatch: DispatchId) => boolean;
  readonly onPrinted: OnPrinted;
  /** What the worker should tell of what its jobs print. */
  readonly coreOutput: CoreOutputMode;
  readonly compression: CompressionMode;
}

/** Handles the response to a message other than a job. */
export type OnResponse = (frame: Frame) => void;

/** The phase of the connection. */
export type Phase =
  | { readonly kind: "version exchange" }
  | { readonly kind: "description" }
  | { readonly kind: "introduced" }
  | { readonly kind: "serving" } & Service;
