/** A worker that is connected: who it is, and how far its membership has come. */

import type { WorkerDescription } from "../../protocol/mod.ts";
import type { ReconnectingAddress } from "./reconnect.ts";
import type { WorkerConnection } from "./worker_connection.ts";
import type { WorkerHistory } from "./worker_history.ts";

/** From the first byte to the last, in this order. */
export type WorkerState =
  | { readonly kind: "connecting" }
  | { readonly kind: "ready"; readonly description: WorkerDescription | undefined }
  /** It finishes what it has and gets no more jobs. */
  | { readonly kind: "draining"; readonly description: WorkerDescription | undefined }
  | { readonly kind: "gone" };

/** What is known of a worker before it has said a word. */
export interface WorkerOrigin {
  readonly name: string;
  /** The address at which it was dialed, if it was. */
  readonly address: ReconnectingAddress | undefined;
  readonly history: WorkerHistory;
  /** This process has started it: it is the local worker. */
  readonly isLocal: boolean;
}

/** One connection's worker. Only `Workers` changes its state. */
export class ConnectedWorker {
  readonly name: string;
  readonly address: ReconnectingAddress | undefined;
  readonly history: WorkerHistory;
  /** Jobs that it has answered. */
  answers = 0;
  #state: WorkerState = { kind: "connecting" };

  constructor(
    origin: WorkerOrigin,
    readonly connection: WorkerConnection,
    readonly connectedAtMs: number,
  ) {
    this.name = origin.name;
    this.address = origin.address;
    this.history = origin.history;
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** It has a place in the pool, and may have jobs. */
  get isMember(): boolean {
    return this.#state.kind === "ready" || this.#state.kind === "draining";
  }

  /** How many it has, from version 2 on. */
  get slots(): number | undefined {
    return this.#description?.slots;
  }

  /** What tells workers apart. Version 1 has only the name for that. */
  get instance(): string {
    return this.#description?.instance ?? this.name;
  }

  onReady(description: WorkerDescription | undefined): void {
    if (this.#state.kind !== "connecting") throw new TypeError(`It is ${this.#state.kind}`);
    this.#state = { kind: "ready", description };
  }

  onDraining(): void {
    if (this.#state.kind !== "ready") throw new TypeError(`It is ${this.#state.kind}`);
    this.#state = { kind: "draining", description: this.#state.description };
  }

  onGone(): void {
    this.#state = { kind: "gone" };
  }

  get #description(): WorkerDescription | undefined {
    return "description" in this.#state ? this.#state.description : undefined;
  }
}
