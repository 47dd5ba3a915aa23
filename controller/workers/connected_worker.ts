/** A connected worker: its identity and its state. */

import type { WorkerDescription } from "../../protocol/mod.ts";
import type { PeerProof } from "../../runtime/ports.ts";
import type { OnConnectionEnded } from "./local_worker_options.ts";
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
  /** Told of the end of the connection, if this process has started the worker. */
  readonly onEnded?: OnConnectionEnded | undefined;
  /** What is proven about it. */
  readonly proof?: PeerProof | undefined;
}

/** What a worker is called in this run. */
export interface WorkerIds {
  readonly identity: string;
  /** The name of its node. Of a worker of version 1, which has none, it is where it is. */
  readonly node: string;
  readonly voter: string;
}

/** Says why a worker must not be used, from its address and what it says of itself; `undefined` if it may be. */
export type RefusalOf = (
  name: string,
  description: Pick<WorkerDescription, "machine" | "labels" | "platform"> | undefined,
) => string | undefined;

/** The host of a worker that has connected to the run, as the port changes with each connection. */
export function hostOf(name: string): string {
  return name.replace(/:\d+$/, "");
}

/** The worker at the other end of one connection. Only `Workers` changes its state. */
export class ConnectedWorker {
  /** Where it was dialed, or where it has dialed from. */
  readonly origin: string;
  readonly address: ReconnectingAddress | undefined;
  readonly history: WorkerHistory;
  readonly proof: PeerProof | undefined;
  /** Whether this process has started it. */
  readonly isLocal: boolean;
  readonly onEnded: OnConnectionEnded | undefined;
  /** The number of jobs that it has answered. */
  answers = 0;
  #identity: string | undefined;
  #node: string | undefined;
  #voter: string | undefined;
  #state: WorkerState = { kind: "connecting" };

  constructor(
    origin: WorkerOrigin,
    readonly connection: WorkerConnection,
    readonly connectedAtMs: number,
  ) {
    this.origin = origin.name;
    this.address = origin.address;
    this.history = origin.history;
    this.proof = origin.proof;
    this.isLocal = origin.onEnded !== undefined;
    this.onEnded = origin.onEnded;
  }

  /**
   * What messages call it: as the user has, or by its node, because the port of a worker that has dialed says nothing.
   */
  get name(): string {
    return this.address || this.isLocal ? this.origin : this.#node ?? this.origin;
  }

  /** The name of its node in this run. */
  get node(): string {
    return this.#node ?? this.place;
  }

  /** Its address if it was dialed, otherwise its host. */
  get place(): string {
    return this.address ? this.origin : hostOf(this.origin);
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

  /** Its system and machine, such as `linux-x86_64`; known from protocol version 2 on. */
  get platform(): string | undefined {
    return this.#description?.platform;
  }

  /** The worker process, as it says itself. Version 1 workers have only their name. */
  get instance(): string {
    return this.#description?.instance ?? this.origin;
  }

  /** Identifies it in this run, as `WorkerIdentities` has decided. */
  get identity(): string {
    return this.#identity ?? this.origin;
  }

  /** Whose vote its results are, as `WorkerIdentities` has decided. */
  get voter(): string {
    return this.#voter ?? this.instance;
  }

  onReady(description: WorkerDescription | undefined, { identity, node, voter }: WorkerIds): void {
    if (this.#state.kind !== "connecting") throw new TypeError(`It is ${this.#state.kind}`);
    this.#state = { kind: "ready", description };
    this.#identity = identity;
    this.#node = node;
    this.#voter = voter;
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
