/** What a local worker is told and given. */

import type { FolderBelow } from "../../runtime/files/files_below.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import type { Log } from "../../system/log.ts";

/** What a local worker gets of its machine. See `WorkerOptions`. */
export interface LocalWorkerShares {
  readonly slots: number;
  readonly workdir?: string | undefined;
  readonly threads?: number | undefined;
  readonly pin?: boolean | undefined;
  readonly devices?: readonly string[] | undefined;
}

/** What the process of a local worker is told. */
export interface LocalWorkerStart {
  readonly shares: LocalWorkerShares;
  /** Where it keeps core dumps of its slots; they write none unless given. */
  readonly dumpsFolder?: FolderBelow | undefined;
  /** How many connections it opens at first; 1 unless given. It then opens another one for each line on stdin. */
  readonly connections?: number | undefined;
}

/** The connection has ended. `isUnusable`: because the worker cannot be used, such as one that cannot load the core. */
export type OnConnectionEnded = (isUnusable: boolean) => void;

/** What a local worker needs of the cluster. */
export interface LocalWorkerCluster {
  join(stream: ByteStream, name: string, onEnded: OnConnectionEnded): void;
  /** The worker will not connect (again). */
  giveUp(name: string, reason: string): void;
}

/** How a local worker is started. */
export interface LocalWorkerOptions extends Omit<LocalWorkerStart, "connections"> {
  /** Unless given, what there is to log is held until the worker is used. */
  readonly log?: Log | undefined;
  /** Whether more clusters may use it later. It is then started again even after it was given up. */
  readonly isShared?: boolean | undefined;
}
