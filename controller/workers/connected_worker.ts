/** A connected worker: its identity and its state. */

import type { WorkerDescription } from "../../protocol/mod.ts";
import type { ReconnectingAddress } from "./reconnect.ts";
import type { WorkerConnection } from "./worker_connection.ts";
import type { WorkerHistory } from "./worker_history.ts";

/** The states of a worker, in this order. */
export type WorkerState =
  | { readonly kind: "connecting" }
  | { readonly kind: "ready"; readonly description: WorkerDescription | undefined }
  /** It finishes its jobs and gets no more. */
  | { readonly kind: "draining"; readonly description: WorkerDescription | undefined }
  | { readonly kind: "gone" };

/** What is known about a worker when it connects. */
export interface WorkerOrigin {
  readonly name: string;
  /** The address, if it was dialed. */
  readonly address: ReconnectingAddress | undefined;
  readonly history: WorkerHistory;
  /** Whether this process has started it. */
  readonly isLocal: boolean;
}

/** The worker at the other end of one connection. Only `Workers` changes its state. */
export class ConnectedWorker {
  readonly name: string;
  readonly address: ReconnectingAddress | undefined;
  readonly history: WorkerHistory;
  /** The number of jobs that it has answered. */
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

  /** Whether it is in the pool and may have jobs. */
  get isMember(): boolean {
    return this.#state.kind === "ready" || this.#state.kind === "draining";
  }

  /** The number of its slots; known from protocol version 2 on. */
  get slots(): number | undefined {
    return this.#description?.slots;
  }

  /** Identifies the worker process. Version 1 workers have only their name. */
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
