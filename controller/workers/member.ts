/** A worker that is connected, and what it is known as. */

import type { EndpointId } from "../../pool/types.ts";
import type { WorkerDescription } from "../../protocol/mod.ts";
import type { Dialled } from "./reconnect.ts";
import type { WorkerConnection } from "./worker_connection.ts";

/** A worker that is connected. */
export interface Member {
  readonly name: string;
  /** The address at which it was dialled, if it was. */
  readonly dialled: Dialled | undefined;
  readonly link: WorkerConnection;
  /** How many it has, if we know without asking. */
  readonly slots: number | undefined;
  readonly joinedAtMs: number;
  /** What it says of itself, from version 2 on. */
  description: WorkerDescription | undefined;
  /** As the pool knows it, once it can be used. */
  endpoint: EndpointId | undefined;
  /** Jobs that it has answered, and when it did last. */
  answers: number;
  answeredAtMs: number;
  /** It has said that it is about to leave. */
  isLeaving: boolean;
}

/** What tells workers apart: version 1 has only the address for that. */
export function voterOf({ name, description }: Member): string {
  return description?.instance ?? name;
}

/** What a worker is known as from one connection to the next: who dials us comes from another port each time. */
export function keyOf({ name, dialled }: Pick<Member, "name" | "dialled">): string {
  return dialled ? name : name.replace(/:\d+$/, "");
}
