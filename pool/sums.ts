/** What is added up over the endpoints of a pool. */

import type { CoreKey } from "./ids.ts";

/** Sums over endpoints. */
export interface Sums {
  /** Endpoints that do not leave. */
  readonly staying: number;
  readonly inFlight: number;
  /** Ready endpoints. The following sums are over these. */
  readonly ready: number;
  readonly slots: number;
  /** Slots for which their endpoint has a job, including the transfers. */
  readonly slotsBusy: number;
  /** Endpoints that have not reported their slots. */
  readonly unreported: number;
  /** How many jobs they should have in flight. */
  readonly window: number;
}

/** Endpoints that do not leave and hold or load a core, and how many of these have nothing in flight. */
export interface Holders {
  readonly held: number;
  readonly idle: number;
}

/** Sums while they are added up. */
export type Mutable<S> = { -readonly [Name in keyof S]: S[Name] };

/** What one endpoint adds to the sums, and to the holders of its core. */
export interface Share extends Mutable<Sums> {
  core: CoreKey | undefined;
  idle: number;
}

/** The share of an endpoint that is not counted yet. */
export function noShare(): Share {
  return {
    staying: 0,
    inFlight: 0,
    ready: 0,
    slots: 0,
    slotsBusy: 0,
    unreported: 0,
    window: 0,
    core: undefined,
    idle: 0,
  };
}
